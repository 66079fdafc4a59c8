import { h, put } from "./dom.js";

/**
 * A row of buttons of which one is so, as the device itself says; none while that is not known.
 * @template {string} Value
 */
export class Choice {
  /** @type {Map<Value, HTMLButtonElement>} */
  buttons = new Map();

  /**
   * @param {string} label for a screen reader
   * @param {[Value, string][]} values and what stands on their buttons
   * @param {(value: Value) => void} choose
   */
  constructor(label, values, choose) {
    this.element = h("div", { class: "choice", role: "group", "aria-label": label });
    for (const [value, word] of values) {
      const button = h("button", { type: "button", class: "option", dir: "auto", onclick: () => choose(value) }, word);
      this.buttons.set(value, button);
      this.element.append(button);
    }
  }

  /**
   * @param {string | null} now
   * @param {boolean} able whether a touch can do anything
   */
  show(now, able = true) {
    for (const [value, button] of this.buttons) {
      put(button, "aria-pressed", String(value === now));
      put(button, "aria-disabled", able ? null : "true");
    }
  }
}
