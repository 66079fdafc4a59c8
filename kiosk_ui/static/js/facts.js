import { h, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { room_left, sent } from "./sentences.js";

/** @import { Words } from "./words.js" */

/** The line at the foot: how much room is left, what was sent, what became of the last lesson. */
export class Facts {
  /** @param {Words} words */
  constructor(words) {
    this.words = words;
    this.disk = h("span");
    this.sent = h("span");
    this.last = h("span");
    this.bar = h("div", { class: "progress-done" });
    this.progress = h("div", { class: "progress", "aria-hidden": "true" }, this.bar);
    this.ended = h("p", { class: "fact" }, icon("check"), this.last);
    this.element = h(
      "footer",
      { class: "facts" },
      h("p", { class: "fact" }, icon("disk"), this.disk),
      h("p", { class: "fact" }, icon("send"), this.sent, this.progress),
      this.ended,
    );
  }

  /**
   * @param {StatusView} status
   * @param {Mode} mode
   */
  show(status, mode) {
    const { words } = this;
    say(this.disk, room_left(words, status.disk.hours_left));
    const { text, share } = sent(words, status);
    say(this.sent, text);
    put(this.progress, "hidden", share === null);
    this.bar.style.inlineSize = `${Math.floor((share ?? 0) * 100)}%`;
    const { last } = status;
    put(this.ended, "hidden", last === null || mode !== "ready");
    if (last) say(this.last, words.t("last", { title: last.title, length: words.length(last.seconds) }));
  }
}
