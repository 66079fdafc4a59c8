import { h, put, say } from "./dom.js";
import { ending, planned_title } from "./plan.js";
import { ScreenKeyboard } from "./screen-keyboard.js";

/** @import { Words } from "./words.js" */

const MOST = 200; // characters; the daemon refuses more
const LONG = 60;
const ASKED = new Set(["ready", "cannot-record", "waking"]);

/** The lesson's title: a field before the lesson, a line of text from Start on. */
export class Title {
  own = false; // someone has written a title; before that it is the timetable's, or the day and the hour
  label = h("label", { for: "title" });
  field = h("input", {
    class: "title-field",
    id: "title",
    type: "text",
    dir: "auto",
    maxlength: MOST,
    autocomplete: "off",
    spellcheck: "false",
    enterkeyhint: "done",
  });

  /**
   * @param {Words} words
   * @param {Title} [before] the field in another language, whose half-written title goes on
   */
  constructor(words, before) {
    this.words = words;
    this.field.addEventListener("focus", () => !this.own && this.field.select());
    // A finger that is lifted puts the cursor where it was.
    this.field.addEventListener("click", () => !this.own && this.field.select());
    this.field.addEventListener("input", () => (this.own = true));
    this.field.addEventListener("blur", () => (this.own = this.own && this.field.value.trim() !== ""));
    // Enter ends writing; only Start starts.
    this.field.addEventListener("keydown", ({ key }) => key === "Enter" && this.field.blur());
    if (before?.own) {
      this.own = true;
      this.field.value = before.field.value;
    }
    const keyboard = new ScreenKeyboard(this.field, words);
    const line = h("div", { class: "title-line" }, this.field, keyboard.toggle);
    this.form = h("div", { class: "title-form" }, this.label, line, keyboard);
    this.text = h("p", { class: "title-text", dir: "auto" });
    this.under = h("p", { class: "title-under" });
    this.row = h("div", { class: "title-row" }, this.under);
    this.told = h("div", { class: "title-told", hidden: true }, this.text, this.row);
    // The field comes with the first title: what else a browser does about a field, it then does after the first picture.
    this.element = h("div", { class: "title" }, this.told);
  }

  /**
   * What the lesson is called if it begins now, also before the field has come.
   * @param {StatusView} status
   */
  chosen(status) {
    return this.field.value.trim() || this._usual(status, new Date());
  }

  /**
   * @param {StatusView} status
   * @param {Date} now
   */
  _usual(status, now) {
    return planned_title(status, now) || this.words.today(now);
  }

  /** A lesson has begun: the next one gets a fresh title. */
  begun() {
    this.own = false;
  }

  /**
   * @param {StatusView} status
   * @param {Mode} mode
   * @param {Date} now
   */
  show(status, mode, now) {
    const asked = ASKED.has(mode);
    if (!this.form.parentNode) this.element.prepend(this.form);
    put(this.form, "hidden", !asked);
    put(this.told, "hidden", asked);
    const name = status.who?.name;
    say(this.label, name ? this.words.t("title.of", { name }) : this.words.t("title"));
    if (asked && !this.own && document.activeElement !== this.field) {
      const usual = this._usual(status, now);
      if (this.field.value !== usual) this.field.value = usual;
    }
    const { title = "" } = (mode === "kept" ? status.last : status.lesson) ?? {};
    say(this.text, title);
    put(this.text, "data-long", title.length > LONG);
    say(this.under, this._under(status, mode));
  }

  /**
   * @param {StatusView} status
   * @param {Mode} mode
   */
  _under(status, mode) {
    const { words } = this;
    const { lesson, last } = status;
    if (mode === "kept" && last) return words.t("under.kept", { length: words.length(last.seconds) });
    if (mode === "kept" || !lesson) return "";
    const ends = ending(status);
    const parts = lesson.teacher ? [`\u2068${lesson.teacher}\u2069`] : [];
    parts.push(words.t("under.started", { time: words.clock(new Date(lesson.started * 1000)) }));
    if (ends !== null) parts.push(words.t("under.ends", { time: words.clock(ends * 1000) }));
    if (lesson.marks) parts.push(words.t("under.marks", { n: lesson.marks }));
    if (lesson.gaps) parts.push(words.t("under.gaps", { n: lesson.gaps }));
    return parts.join(" · ");
  }
}
