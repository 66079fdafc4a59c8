import { h, put, say } from "./dom.js";
import { ending, planned_title } from "./plan.js";

const MOST = 200; // characters; the daemon refuses more
const LONG = 60;
const ASKED = new Set(["ready", "cannot-record", "waking"]);

/** The lesson's title: a field before the lesson, a line of text from Start on. */
export class Title {
  own = false; // someone has written a title; before that it is the timetable's, or the day and the hour

  /** before: the field in another language, whose half-written title goes on. */
  constructor(words, before) {
    this.words = words;
    this.field = h("input", {
      class: "title-field",
      id: "title",
      type: "text",
      dir: "auto",
      maxlength: MOST,
      autocomplete: "off",
      spellcheck: "false",
      enterkeyhint: "done",
      onfocus: () => !this.own && this.field.select(),
      oninput: () => (this.own = true),
      onblur: () => (this.own = this.own && this.field.value.trim() !== ""),
      onkeydown: (event) => event.key === "Enter" && this.field.blur(), // Enter ends writing; only Start starts
    });
    if (before?.own) Object.assign(this, { own: true }).field.value = before.field.value;
    this.form = h("div", { class: "title-form" }, h("label", { for: "title" }, words.t("title")), this.field);
    this.text = h("p", { class: "title-text", dir: "auto" });
    this.under = h("p", { class: "title-under" });
    this.row = h("div", { class: "title-row" }, this.under);
    this.told = h("div", { class: "title-told" }, this.text, this.row);
    this.element = h("div", { class: "title" }, this.form, this.told);
  }

  get value() {
    return this.field.value.trim() || this.words.today(new Date());
  }

  /** A lesson has begun: the next one gets a fresh title. */
  begun() {
    this.own = false;
  }

  show(status, mode, now) {
    const asked = ASKED.has(mode);
    put(this.form, "hidden", !asked);
    put(this.told, "hidden", asked);
    if (asked && !this.own && document.activeElement !== this.field) {
      const today = planned_title(status, now) || this.words.today(now);
      if (this.field.value !== today) this.field.value = today;
    }
    const lesson = mode === "kept" ? status.last : status.lesson;
    say(this.text, lesson?.title ?? "");
    put(this.text, "data-long", (lesson?.title.length ?? 0) > LONG);
    say(this.under, lesson ? this._under(lesson, mode, ending(status)) : "");
  }

  _under(lesson, mode, ends) {
    const { words } = this;
    if (mode === "kept") return words.t("under.kept", { length: words.length(lesson.seconds) });
    const parts = [words.t("under.started", { time: words.clock(new Date(lesson.started * 1000)) })];
    if (ends !== null) parts.push(words.t("under.ends", { time: words.clock(ends * 1000) }));
    if (lesson.marks) parts.push(words.t("under.marks", { n: lesson.marks }));
    if (lesson.gaps) parts.push(words.t("under.gaps", { n: lesson.gaps }));
    return parts.join(" · ");
  }
}
