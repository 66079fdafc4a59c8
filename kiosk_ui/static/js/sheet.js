import { h, put } from "./dom.js";
import { icon } from "./icons.js";

/** @import { Shape } from "./icons.js" */

const FORGOTTEN = 120_000; // ms without a touch after which a sheet makes room by itself

/**
 * A sheet over the lower part of the panel, and the button in the strip that opens it. Start, Stop and the sentence
 * under them stay in reach. At most one is open, as the panel has it.
 */
export class Sheet {
  body = h("div", { class: "sheet-body" });
  /** @type {number | undefined} */
  forgotten;

  /**
   * @param {string} name of the element and its class
   * @param {Shape} shape
   * @param {{ title: string, close: string }} said
   * @param {(sheet: Sheet) => void} opens called before it opens
   */
  constructor(name, shape, said, opens) {
    const close = h("button", { type: "button", class: "tool sheet-close", "aria-label": said.close }, icon("close"));
    close.addEventListener("click", () => this.close());
    const attributes = { class: `sheet ${name}`, id: name, "aria-label": said.title, hidden: true, tabindex: "-1" };
    this.element = h("section", attributes, this.body, close);
    const tells = { type: "button", class: "tool", "aria-label": said.title, "aria-expanded": "false", "aria-controls": name };
    this.button = h("button", tells, icon(shape), h("span", { class: "tool-word" }, said.title));
    this.button.addEventListener("click", () => {
      if (this.is_open) this.close();
      else {
        opens(this);
        this._open();
      }
    });
    for (const touch of ["pointerdown", "keydown"]) this.element.addEventListener(touch, () => this._remember());
    this.element.addEventListener("keydown", ({ key }) => key === "Escape" && this.close());
  }

  get is_open() {
    return !this.element.hidden;
  }

  _open() {
    put(this.element, "hidden", false);
    put(this.button, "aria-expanded", "true");
    this.element.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "nearest" }); // a phone has it below
    this._remember();
  }

  close() {
    if (!this.is_open) return;
    const held = this.element.contains(document.activeElement);
    clearTimeout(this.forgotten);
    put(this.element, "hidden", true);
    put(this.button, "aria-expanded", "false");
    if (held) this.button.focus({ preventScroll: true });
  }

  _remember() {
    clearTimeout(this.forgotten);
    this.forgotten = setTimeout(() => this.close(), FORGOTTEN);
  }

  /**
   * Whether it can be opened now; what cannot is closed.
   * @param {boolean} can
   */
  allow(can) {
    if (!can) this.close();
    put(this.button, "data-absent", !can);
    put(this.button, "inert", !can);
  }
}
