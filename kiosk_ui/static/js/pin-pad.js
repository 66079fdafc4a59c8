import { h, put, say } from "./dom.js";
import { icon } from "./icons.js";

/** @import { Words } from "./words.js" */

const MOST = 12; // digits of a PIN

/**
 * <pin-pad>: a field that hides what is typed, and large figures under it. Sends `pin` with the digits when somebody is
 * done. Figures lie as on a telephone, from left to right in every language; other figures are taken for the same.
 */
export class PinPad extends HTMLElement {
  field = h("input", {
    class: "pin-field",
    type: "password",
    inputmode: "none",
    autocomplete: "off",
    maxlength: MOST,
    dir: "ltr",
  });
  sentence = h("p", { class: "pin-said", role: "alert" });

  /** @param {Words} words */
  constructor(words) {
    super();
    put(this.field, "aria-label", words.t("pin"));
    this.field.addEventListener("input", () => this._take(this.field.value));
    this.field.addEventListener("keydown", ({ key }) => key === "Enter" && this._done());
    const figure = (/** @type {number} */ digit) => this._key(words.number(digit), () => this._take(this.field.value + digit));
    const back = this._key(icon("back"), () => this._take(this.field.value.slice(0, -1)), words.t("pin.back"));
    this.enter = this._key(icon("check"), () => this._done(), words.t("pin.enter"));
    put(this.enter, "class", "key pin-enter");
    const keys = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(figure);
    this.keys = h("div", { class: "pin-keys", dir: "ltr" }, ...keys, back, figure(0), this.enter);
  }

  connectedCallback() {
    if (!this.field.isConnected) this.append(this.field, this.keys, this.sentence);
  }

  /**
   * Empty again.
   * @param {string} [text] what happened
   */
  again(text = "") {
    this.field.value = "";
    put(this.enter, "aria-busy", null);
    say(this.sentence, text);
    this.field.focus();
  }

  /**
   * @param {string | Element} shown
   * @param {() => void} act
   * @param {string | null} [label] where what is shown is no figure
   */
  _key(shown, act, label = null) {
    return h("button", { type: "button", class: "key", "aria-label": label, onclick: act }, shown);
  }

  /** @param {string} text */
  _take(text) {
    const digits = Array.from(text, ascii).join("").replace(/\D/g, "");
    this.field.value = digits.slice(0, MOST);
    say(this.sentence, "");
  }

  _done() {
    if (!this.field.value || this.enter.ariaBusy === "true") return;
    put(this.enter, "aria-busy", "true");
    this.dispatchEvent(new CustomEvent("pin", { detail: this.field.value }));
  }
}

/**
 * ٤ and ۴ are 4.
 * @param {string} sign
 */
function ascii(sign) {
  const code = sign.codePointAt(0) ?? 0;
  const zero = [0x660, 0x6f0].find((first) => code >= first && code < first + 10);
  return zero === undefined ? sign : String(code - zero);
}

customElements.define("pin-pad", PinPad);
