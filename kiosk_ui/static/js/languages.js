import { h, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { LANGUAGES } from "./words.js";

/** @import { Words } from "./words.js" */

const NAMES = Object.entries(LANGUAGES);

/** The language of the panel: one button that says it, and a sheet of those that the room offers, each in its own. */
export class Languages {
  /**
   * @param {Words} words
   * @param {(language: string) => void} choose called with the language someone touched
   */
  constructor(words, choose) {
    this.language = words.language;
    const label = words.t("language");
    this.buttons = NAMES.map(([language, name]) => this._choice(language, name, choose));
    this.sheet = h("div", { class: "languages", popover: "auto", role: "group", "aria-label": label }, ...this.buttons);
    this.name = h("span", {}, LANGUAGES[words.language]);
    this.button = h("button", { type: "button", class: "tool", "aria-haspopup": "true" }, icon("language"), this.name);
    put(this.button, "aria-label", `${label}: ${LANGUAGES[words.language]}`);
    this.button.popoverTargetElement = this.sheet;
    this.element = h("div", {}, this.button, this.sheet);
  }

  /**
   * @param {string} language
   * @param {string} name
   * @param {(language: string) => void} choose
   */
  _choice(language, name, choose) {
    const here = { lang: language, "aria-pressed": String(language === this.language) };
    const chosen = () => {
      this.sheet.hidePopover();
      if (language !== this.language) choose(language);
    };
    return h("button", { type: "button", class: "button language", ...here, onclick: chosen }, name);
  }

  /** @param {string[]} offered the languages of the room */
  show(offered) {
    for (const button of this.buttons) put(button, "hidden", !offered.includes(button.lang));
    say(this.name, LANGUAGES[this.language]);
  }
}
