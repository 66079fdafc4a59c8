import { h, put } from "./dom.js";
import { icon } from "./icons.js";
import { LAYOUTS, SIGNS } from "./layouts.js";
import { LANGUAGES } from "./words.js";

/** @import { Words } from "./words.js" */

const NAMES = Object.keys(LAYOUTS);
const ROOM = matchMedia("(min-width: 900px)"); // smaller screens bring a keyboard of their own
const APART = 16; // px between the field and the keyboard
/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * <screen-keyboard>: writes into one text field, for panels without a keyboard. It opens when the field is touched, and
 * by the button `toggle` for who works with keys or a screen reader. It lies over the foot of the page, and the page is
 * moved up where it would cover the field. Touching a key leaves the focus in the field; with Tab the focus goes to the
 * keys, arrows go from key to key.
 */
export class ScreenKeyboard extends HTMLElement {
  rows = h("div", { class: "keys" });
  toggle = h("button", { type: "button", class: "button keyboard-toggle" }, icon("keyboard"));
  large = false;
  signs = false;
  redrawing = false;

  /**
   * @param {HTMLInputElement} field
   * @param {Words} words
   */
  constructor(field, words) {
    super();
    this.field = field;
    this.words = words;
    this.layout = NAMES.includes(words.language) ? words.language : NAMES[0];
    const name = words.t("keyboard");
    put(this.toggle, "aria-label", name);
    this.toggle.addEventListener("click", () => (this.hidden ? this.open() : this.close()));
    this.name = name;
    this.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    this.addEventListener("click", ({ target }) => this._press(key_of(target)));
    this.addEventListener("keydown", (event) => this._walk(event));
    field.addEventListener("click", () => this.open());
    for (const part of [field, this, this.toggle]) part.addEventListener("focusout", (event) => this._left(/** @type {FocusEvent} */ (event)));
    put(this.toggle, "aria-expanded", "false");
  }

  connectedCallback() {
    const attributes = { role: "group", "aria-label": this.name, dir: "ltr" };
    for (const [attribute, value] of Object.entries(attributes)) put(this, attribute, value);
    if (!this.rows.isConnected) this.append(this.rows);
    this._show(false);
  }

  disconnectedCallback() {
    this._give_way(false);
  }

  open() {
    if (!ROOM.matches || this.field.readOnly || this.field.disabled) return;
    if (document.activeElement !== this.field) this.field.focus();
    Object.assign(this, { large: false, signs: false });
    this._draw();
    this._show(true);
    this._give_way(true);
  }

  close() {
    this._show(false);
    this._give_way(false);
  }

  /** @param {boolean} shown */
  _show(shown) {
    this.hidden = !shown;
    put(this.toggle, "aria-expanded", String(shown));
  }

  /**
   * Move the page up as far as the field would be covered, and back.
   * @param {boolean} shown
   */
  _give_way(shown) {
    const { body } = document;
    body.style.paddingBlockEnd = "";
    if (!shown) return;
    const { top, height } = this.getBoundingClientRect();
    const covered = this.field.getBoundingClientRect().bottom + APART - top;
    if (covered <= 0) return;
    body.style.paddingBlockEnd = `${height}px`;
    scrollBy(0, covered);
  }

  /**
   * Focus that goes from field, keys or button to another of them stays here.
   * @param {FocusEvent} event
   */
  _left({ relatedTarget: next }) {
    const here = next === this.field || next === this.toggle || (next instanceof Node && this.contains(next));
    if (!here && !this.redrawing) this.close();
  }

  // -- the keys

  _draw() {
    const { words } = this;
    const letters = this.signs ? SIGNS : LAYOUTS[this.layout][this.large ? "large" : "small"];
    const [upper, middle, lower] = letters.map((row) => Array.from(row, (sign) => this._key(sign)));
    const shift = this._tool("shift", "⇧", words.t("key.shift"), { "aria-pressed": String(this.large) });
    const back = this._tool("back", icon("back"), words.t("key.back"));
    const others = this._next();
    const signs = this.signs ? this._tool("signs", "ABC", words.t("key.letters")) : this._tool("signs", "123", words.t("key.signs"));
    const layout = this._tool("layout", LANGUAGES[others], words.t("key.layout", { language: LANGUAGES[others] }), { lang: others });
    const space = this._tool("space", words.t("key.space"));
    const done = this._tool("done", words.t("key.done"));
    const lines = [upper, middle, [...(this.signs ? [] : [shift]), ...lower, back], [signs, layout, space, done]];
    this.rows.replaceChildren(...lines.map((keys) => h("div", { class: "key-row" }, ...keys)));
    put(this.rows, "lang", this.signs ? null : this.layout);
    this._reach(this.rows.querySelector("button"));
  }

  /** The layout that comes after this one. */
  _next() {
    return NAMES[(NAMES.indexOf(this.layout) + 1) % NAMES.length];
  }

  /** @param {string} sign */
  _key(sign) {
    const shown = /\p{M}/u.test(sign) ? `\u25cc${sign}` : sign; // a vowel sign needs something to stand on
    return h("button", { type: "button", class: "key", tabindex: "-1", "data-sign": sign }, shown);
  }

  /**
   * @param {string} name
   * @param {string | Element} shown
   * @param {string | null} [label] where what is shown is no word
   * @param {Record<string, string>} [more]
   */
  _tool(name, shown, label = null, more = {}) {
    const tool = { type: "button", class: `key key-${name}`, tabindex: "-1", "data-tool": name, "aria-label": label };
    return h("button", { ...tool, lang: this.words.language, ...more }, shown);
  }

  /** @param {HTMLElement | null} key */
  _press(key) {
    if (!key) return;
    const { sign, tool } = key.dataset;
    const held = this.contains(document.activeElement);
    if (sign !== undefined) this._write(sign);
    else if (tool === "space") this._write(" ");
    else if (tool === "back") this._erase();
    else if (tool === "done") this._done();
    else this._turn(tool, held);
    if (sign !== undefined && this.large) this._turn("shift", held);
  }

  /**
   * Show other keys.
   * @param {string | undefined} tool
   * @param {boolean} held the focus is on a key, and stays on the one that was pressed
   */
  _turn(tool, held) {
    if (tool === "shift") this.large = !this.large;
    if (tool === "signs") this.signs = !this.signs;
    if (tool === "layout") Object.assign(this, { layout: this._next(), signs: false });
    this.redrawing = true;
    this._draw();
    this.redrawing = false;
    if (!held) return;
    const key = /** @type {HTMLElement | null} */ (this.rows.querySelector(`[data-tool="${tool}"]`));
    this._reach(key);
    key?.focus();
  }

  /** From where to where something is chosen in the field. */
  _chosen() {
    const end = this.field.value.length;
    return [this.field.selectionStart ?? end, this.field.selectionEnd ?? end];
  }

  /** @param {string} text */
  _write(text) {
    const { field } = this;
    const [from, to] = this._chosen();
    if (field.maxLength >= 0 && field.value.length - (to - from) + text.length > field.maxLength) return;
    this._put(text, from, to);
  }

  _erase() {
    const { field } = this;
    const [from, to] = this._chosen();
    const last = Array.from(field.value.slice(0, from)).at(-1) ?? "";
    this._put("", from === to ? from - last.length : from, to);
  }

  /**
   * @param {string} text
   * @param {number} from
   * @param {number} to
   */
  _put(text, from, to) {
    this.field.setRangeText(text, from, to, "end");
    this.field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }

  _done() {
    this.close();
    if (this.contains(document.activeElement)) this.toggle.focus();
    else this.field.blur();
  }

  // -- for who has no finger to touch with

  /**
   * The one key that Tab goes to.
   * @param {Element | null} key
   */
  _reach(key) {
    for (const other of this.rows.querySelectorAll('[tabindex="0"]')) put(other, "tabindex", "-1");
    if (key) put(key, "tabindex", "0");
  }

  /** @param {KeyboardEvent} event */
  _walk(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this._done();
      return;
    }
    const step = STEPS[event.key];
    const key = key_of(event.target);
    if (!step || !key) return;
    event.preventDefault();
    const rows = [...this.rows.children].map((row) => /** @type {HTMLElement[]} */ ([...row.children]));
    const line = rows.findIndex((row) => row.includes(key));
    const [down, along] = step;
    const row = rows[(line + down + rows.length) % rows.length];
    const at = rows[line].indexOf(key);
    const under = Math.min(row.length - 1, Math.floor((at * row.length) / rows[line].length));
    const next = row[down ? under : (at + along + row.length) % row.length];
    this._reach(next);
    next.focus();
  }
}

/**
 * @param {EventTarget | null} target
 * @returns {HTMLElement | null}
 */
function key_of(target) {
  return target instanceof Element ? target.closest("button") : null;
}

customElements.define("screen-keyboard", ScreenKeyboard);
