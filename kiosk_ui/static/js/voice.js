import { h } from "./dom.js";

/** What a screen reader says of its own accord; nobody sees it. */
export class Voice {
  whispers = h("div", { class: "unseen", role: "status" });
  shouts = h("div", { class: "unseen", role: "alert" });

  /**
   * When there is a pause.
   * @param {string} text
   */
  whisper(text) {
    again(this.whispers, text);
  }

  /**
   * At once.
   * @param {string} text
   */
  shout(text) {
    again(this.shouts, text);
  }
}

/**
 * Say it even if the same was said last.
 * @param {Element} region
 * @param {string} text
 */
function again(region, text) {
  region.replaceChildren(h("p", {}, text));
}
