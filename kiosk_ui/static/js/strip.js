import { h, icon_in, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { Languages } from "./languages.js";
import { SHAPE, TIMED } from "./mode.js";

/** @import { Words } from "./words.js" */

/** The line at the top: the room, what it does, what can be opened from here, and the time. */
export class Strip {
  room = h("span", { dir: "auto" });
  institution = h("span", { class: "institution", dir: "auto" });
  shape = h("span", { class: "shape" });
  word = h("span", { class: "mode-word" });
  mode = h("p", { class: "mode" }, this.shape, this.word);
  clock = h("time", { class: "clock" });

  /**
   * @param {Words} words
   * @param {(language: string) => void} choose
   * @param {...HTMLElement} tools buttons that stand before that of the languages
   */
  constructor(words, choose, ...tools) {
    this.words = words;
    this.languages = new Languages(words, choose);
    this.element = h(
      "header",
      { class: "strip" },
      h("h1", { class: "room" }, this.room, this.institution),
      h("div", { class: "mode-slot" }, this.mode),
      h("div", { class: "tools" }, ...tools, this.languages.element),
      this.clock,
    );
  }

  /**
   * @param {StatusView} status
   * @param {Mode} mode
   * @param {boolean} listens the room holds what is said before Start
   * @param {Date} now
   */
  show(status, mode, listens, now) {
    const { words } = this;
    say(this.clock, words.clock(now));
    say(this.room, status.room.name);
    say(this.institution, status.room.institution);
    icon_in(this.shape, listens ? "microphone" : SHAPE[mode], icon);
    say(this.word, words.t(listens ? "mode.listening" : `mode.${mode}`));
    this.languages.show(status.room.languages);
    const lesson = TIMED.has(mode) ? status.lesson : null;
    put(this.mode, "hidden", !lesson && !listens); // said once: here beside the time, or else as the headline
    const timed = lesson ? ` ${words.stopwatch(lesson.elapsed)}` : "";
    const title = `${words.t(`mode.${mode}`)}${timed} — ${status.room.name}`;
    if (document.title !== title) document.title = title;
  }
}
