import { h, icon_in } from "./dom.js";
import { icon } from "./icons.js";

/** @import { Shape } from "./icons.js" */

/** A large button with a shape and a label. */
export class Button {
  shape = h("span", { class: "shape" });
  label = h("span", { class: "button-label" });

  /**
   * @param {string} kind classes
   * @param {Shape} shape
   * @param {() => void} pressed
   */
  constructor(kind, shape, pressed) {
    icon_in(this.shape, shape, icon);
    this.element = h("button", { type: "button", class: `button ${kind}`, onclick: pressed }, this.shape, this.label);
  }
}
