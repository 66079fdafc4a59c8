import { h, put } from "../dom.js";
import { ScreenKeyboard } from "../screen-keyboard.js";

/** @import { Words } from "../words.js" */

let made = 0;

/** A line to write into, its name above it, the keyboard beside it. */
export class Field {
  /**
   * @param {Words} words
   * @param {string} key of its name
   * @param {object} more
   * @param {number} more.most characters
   * @param {() => void} more.done called at Enter
   * @param {"text" | "password"} [more.type]
   * @param {boolean} [more.latin] addresses and codes have latin letters in every language
   */
  constructor(words, key, { most, done, type = "text", latin = false }) {
    const id = `setup-field-${++made}`;
    const written = { class: "title-field", id, type, maxlength: most, autocomplete: "off", spellcheck: "false" };
    this.input = h("input", { ...written, dir: latin ? "ltr" : "auto", autocapitalize: latin ? "none" : null });
    this.input.addEventListener("keydown", ({ key: pressed }) => pressed === "Enter" && done());
    this.keyboard = new ScreenKeyboard(this.input, words);
    if (latin) this.keyboard.layout = "en";
    put(this.keyboard.toggle, "aria-label", `${words.t("keyboard")}: ${words.t(key)}`);
    const line = h("div", { class: "title-line" }, this.input, this.keyboard.toggle);
    this.element = h("div", { class: "setup-field" }, h("label", { for: id }, words.t(key)), line, this.keyboard);
  }

  get value() {
    return this.input.value.trim();
  }

  /** @param {string} text */
  set value(text) {
    this.input.value = text;
  }
}
