import { h, icon_in, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { Sheet } from "./sheet.js";
import { tried } from "./sentences.js";

/**
 * @import { Try } from "./display.js"
 * @import { Room } from "./room.js"
 * @import { Words } from "./words.js"
 */

/** The test before class: one touch tries everything for ten seconds, then one sentence for each source. */
export class Rehearsal {
  shape = h("span", { class: "shape" });
  words_of_it = h("span");
  sentence = h("p", { class: "rehearsal-sentence", role: "status" }, this.shape, this.words_of_it);
  list = h("ul", { class: "rehearsal-list" });
  wanted = "";

  /**
   * @param {Words} words
   * @param {Room} room
   * @param {(sheet: Sheet) => void} opens
   * @param {Try} attempt
   */
  constructor(words, room, opens, attempt) {
    this.words = words;
    const test = () => attempt(() => room.test());
    this.again = h("button", { type: "button", class: "option" }, words.t("test.again"));
    this.again.addEventListener("click", test);
    const said = { title: words.t("test"), close: words.t("sheet.close") };
    this.sheet = new Sheet("rehearsal", "test", said, (sheet) => {
      opens(sheet);
      test();
    });
    const foot = h("div", { class: "card" }, this.again);
    this.sheet.body.append(h("div", { class: "card rehearsal-found" }, this.sentence, this.list), foot);
  }

  /**
   * @param {StatusView} status
   * @param {boolean} idle no lesson is on, and the room PC answers
   * @param {boolean} asked a test was asked for and is not answered yet
   */
  show(status, idle, asked) {
    this.sheet.allow(idle && status.sources.length > 0);
    if (!this.sheet.is_open) return;
    const { words } = this;
    const running = status.testing || asked;
    const found = running ? null : status.selftest;
    const lines = found ? status.sources.map((source) => tried(words, source, found)) : [];
    const bad = lines.filter(({ good }) => !good).length;
    put(this.again, "aria-busy", running ? "true" : null);
    icon_in(this.shape, running || !found ? "ready" : bad ? "warning" : "check", icon);
    put(this.sentence, "data-level", bad ? "warning" : null);
    const time = words.clock((found?.at ?? 0) * 1000);
    const how = !found ? "none" : bad ? "bad" : "good";
    say(this.words_of_it, running ? words.t("test.running") : words.t(`test.${how}`, { time }));
    const wanted = JSON.stringify(lines);
    if (wanted !== this.wanted) {
      this.list.replaceChildren(
        ...lines.map(({ good, text }) =>
          h("li", { "data-level": good ? "ok" : "warning" }, icon(good ? "check" : "warning"), h("span", {}, text)),
        ),
      );
    }
    this.wanted = wanted;
  }
}
