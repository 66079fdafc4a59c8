import { Button } from "./button.js";
import { h, icon_in, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { CENTRE, SHAPE, TIMED, mode_of } from "./mode.js";
import { Deliveries } from "./deliveries.js";
import { Desk } from "./desk.js";
import { Equipment } from "./equipment.js";
import { Facts } from "./facts.js";
import { Fixtures } from "./fixtures.js";
import { Plan } from "./plan.js";
import { Rehearsal } from "./rehearsal.js";
import { Refused } from "./room.js";
import { Setup } from "./setup.js";
import { Sources } from "./sources.js";
import { from_afar, refusal, standing, started_from_afar } from "./sentences.js";
import { StopButton } from "./stop-button.js";
import { Strip } from "./strip.js";
import { Title } from "./title.js";
import { Voice } from "./voice.js";

/**
 * @import { Shape } from "./icons.js"
 * @import { Centre } from "./mode.js"
 * @import { Room } from "./room.js"
 * @import { Sheet } from "./sheet.js"
 * @import { Words } from "./words.js"
 */

const NOTICE = 6_000; // ms that an answer to a tap stays in the place of the health sentence
const MARKED = 3_000;
const SLOW = 1_500; // ms after which a command that is still on its way is spoken of
const KEPT = 180_000; // ms until the end screen makes room by itself
const AT_LAST = 500; // ms after the first picture in which the rest is shown, however busy the page is
const TREMBLE = 700; // ms in which a second tap is taken for the trembling of the first
/** @type {Set<Mode>} */
const STILL = new Set(["waking", "lost", "cannot-record"]);
/** @type {Record<string, string>} */
const LEVEL = { check: "ok", ready: "ok", microphone: "ok", record: "ok", warning: "warning" };
/** @type {Set<Mode>} */
const IDLE = new Set(["ready", "kept"]);
/** @type {Set<Mode>} */
const ALARMING = new Set(["lost", "doubt"]);

/** The whole page. `element` is its root. */
export class Panel {
  /**
   * The lesson whose end this page has seen, and nobody has put away yet.
   * @type {string | null}
   */
  kept = null;
  /** @type {string | null} */
  lesson = null;
  /**
   * The lesson of which it was said that it was started from afar.
   * @type {string | null}
   */
  announced = null;
  /** @type {{ shape: Shape, text: string } | null} */
  notice = null;
  /** @type {{ at: number } | null} */
  marked = null;
  /** @type {Mode | null} */
  mode = null;
  /** @type {Centre} */
  centre = "start";
  turned = -Infinity;
  listens = false;
  paused = false;
  painted = false;
  due = 0;
  /** @type {Record<"away" | "unmark" | "noticed", number | undefined>} */
  timers = { away: undefined, unmark: undefined, noticed: undefined };

  headline_shape = h("span", { class: "shape" });
  headline_words = h("span");
  headline = h("p", { class: "headline" }, this.headline_shape, this.headline_words);
  sentence_shape = h("span", { class: "shape" });
  sentence_words = h("span");
  sentence = h("p", { class: "sentence" }, this.sentence_shape, this.sentence_words);
  voice = new Voice();
  stop = new StopButton();
  ears = new AbortController();
  /** @type {Desk} */
  desk;
  /** @type {Setup} */
  setup;

  /**
   * @param {Room} room
   * @param {Words} words
   * @param {(language: string) => void} language called with the language someone chose
   * @param {Panel | null} [before] the panel in another language that this one replaces; what it knew of the running
   *   lesson goes on
   */
  constructor(room, words, language, before = null) {
    this.room = room;
    this.words = words;
    if (before) Object.assign(this, { kept: before.kept, lesson: before.lesson, announced: before.announced });
    const start = () => this._do("start", { title: this.title.chosen(room.status) });
    this.start = new Button("primary start", "record", () => this._pressed(this.start, start));
    this.next = new Button("primary next", "ready", () => this._pressed(this.next, () => this._turn_to_next()));
    this.pause = new Button("side pause", "pause", () => this._pressed(this.pause, () => this._do(this._turns_on())));
    this.mark = new Button("side mark", "mark", () => this._pressed(this.mark, () => this._do("mark", { label: "" })));
    this.stop.addEventListener("stop", () => this._do("stop", { undo: true }));
    this.stop.addEventListener("armed", () => this.voice.whisper(words.t("stop.armed.say")));
    this.title = new Title(words, before?.title);
    this.plan = new Plan(words, (body) => this._do("extend", body));
    this.title.row.append(this.plan.more);
    this.sources = new Sources(words);
    this.deliveries = new Deliveries(room, words);
    const asks = { "aria-label": words.t("deliveries.title"), "aria-haspopup": "dialog" };
    this.sent = h("button", { type: "button", class: "tool sent", ...asks, onclick: () => this.deliveries.open() }, icon("send"));
    const alone = (/** @type {Sheet} */ sheet) => {
      for (const other of this.sheets) if (other !== sheet) other.close();
      this._show_soon();
    };
    const attempt = (/** @type {() => Promise<void>} */ order) => this._attempt(order);
    this.equipment = new Equipment(words, room, alone, attempt);
    this.rehearsal = new Rehearsal(words, room, alone, attempt);
    this.sheets = [this.equipment.sheet, this.rehearsal.sheet];
    const told = (/** @type {Shape} */ shape, /** @type {string} */ text) => this._tell(shape, text);
    const goes_on = before?.desk.hand_over() ?? false;
    const sets_up = () => this.setup.open();
    this.desk = new Desk(room, words, { told, title: this.title, choose: language, goes_on, sets_up });
    this.setup = new Setup(room, words, {
      told,
      choose: language,
      start: () => {
        this.setup.close();
        start();
      },
      asks: () => this.desk.open(),
      turned: () => this._show_soon(),
      before: before?.setup ?? null,
    });
    const sheets = [this.rehearsal.sheet.button, this.equipment.sheet.button];
    const tools = [this.setup.button, this.sent, ...sheets, this.desk.button];
    this.strip = new Strip(words, language, ...tools);
    this.facts = new Facts(words);
    this.fixtures = new Fixtures(words, (camera, place) => attempt(() => room.turn(camera, place)));
    const rows = [this.strip, { element: this._stage() }, this.sources, this.fixtures, this.facts];
    this.element = h("div", { class: "panel" }, ...rows.map(({ element }) => element));
    this.element.append(...this.sheets.map(({ element }) => element));
    const pages = [this.deliveries.element, this.desk.element, this.setup.element];
    this.element.append(this.voice.whispers, this.voice.shouts, ...pages);
    room.addEventListener("change", () => this._show_soon(), this.ears);
    room.addEventListener("levels", (event) => this._hear(/** @type {CustomEvent} */ (event).detail), this.ears);
    this.show();
    requestAnimationFrame(() => requestIdleCallback(() => this._show_rest(), { timeout: AT_LAST }));
  }

  /** The page has it now. */
  appear() {
    this.desk.listen(this.ears.signal);
    this.setup.listen();
  }

  close() {
    this.ears.abort();
    for (const sheet of this.sheets) sheet.close();
    cancelAnimationFrame(this.due);
    this.deliveries.close();
    this.desk.close();
    this.setup.end();
    this.element.remove();
  }

  // -- what stands on it

  _stage() {
    const centre = h("div", { class: "centre" }, this.start.element, this.next.element, this.stop);
    return h(
      "main",
      { class: "stage" },
      h("div", { class: "head" }, this.headline, this.plan.element),
      this.title.element,
      h("div", { class: "controls" }, this.pause.element, centre, this.mark.element),
      this.sentence,
    );
  }

  // -- what it shows

  /** With the next picture on the screen: however much changes until then, it is shown once. */
  _show_soon() {
    cancelAnimationFrame(this.due);
    this.due = requestAnimationFrame(() => this.show());
  }

  /** Start stands there and can be touched: now what takes dates and plurals of the language, which are slow to make. */
  _show_rest() {
    this.painted = true;
    if (!this.ears.signal.aborted) this.show();
  }

  show() {
    const { room } = this;
    const { status } = room;
    const sure = room.link === "open";
    this._follow(status);
    const mode = mode_of(room.link, status, this.kept);
    if (mode !== this.mode) this._turn(mode);
    if (started_from_afar(status) && this.announced !== status.lesson?.id) this._announce(status);
    const now = new Date();
    this.listens = this._listens(status, mode);
    this.strip.show(status, mode, this.listens, now);
    this._show_headline(status, mode);
    this._show_controls(mode);
    this._show_sentence(mode);
    if (this.painted || !IDLE.has(mode)) this.title.show(status, mode, now);
    this.plan.show(status, mode, now);
    this.sources.rest(this.setup.is_open);
    this.sources.show(status, sure);
    this.fixtures.show(status, sure, room.pending);
    this.desk.show(status);
    if (this.painted) {
      this.facts.show(status, mode);
      this.setup.show(status);
    }
    this.equipment.show(status, sure);
    this.rehearsal.show(status, IDLE.has(mode), room.pending.has("test"));
  }

  /**
   * Nobody may be recorded unawares: said once, whatever else there is to say.
   * @param {StatusView} status
   */
  _announce(status) {
    this.announced = status.lesson?.id ?? null;
    const text = from_afar(this.words, status);
    this._notify("record", text);
    this.voice.shout(text);
  }

  /**
   * Remember whose end this page has seen, so that it can say `kept`.
   * @param {StatusView} status
   */
  _follow(status) {
    if (status.lesson) this.lesson = status.lesson.id;
    else if (this.lesson) {
      this.kept = status.state === "ready" ? this.lesson : null;
      if (status.state === "ready") this.lesson = null;
    }
    if (status.lesson) this.kept = null;
  }

  /** @param {Mode} mode */
  _turn(mode) {
    const first = this.mode === null;
    const before = this.centre;
    this.mode = mode;
    this.centre = CENTRE[mode] ?? this.centre;
    this.notice = null;
    const idle = IDLE.has(mode); // nothing may cover the panel while a lesson is on
    put(this.sent, "data-absent", !idle);
    put(this.sent, "inert", !idle);
    if (!idle) this.deliveries.close();
    if (!idle && !first) this.desk.close();
    if (this.centre !== before) {
      this.turned = performance.now();
      if (this.centre === "stop") this.stop.appear();
      for (const sheet of this.sheets) sheet.close(); // what is recorded is seen
      this._keep_focus();
    }
    clearTimeout(this.timers.away);
    if (mode === "kept") this.timers.away = setTimeout(() => this._put_away(), KEPT);
    put(document.documentElement, "data-mode", mode);
    if (ALARMING.has(mode)) this.voice.shout(this.words.t(`say.${mode}`));
    else if (!first) this.voice.whisper(this.words.t(`say.${mode}`));
  }

  /** Whoever works with keys stays where the button was that has gone. */
  _keep_focus() {
    const held = this.element.querySelector(".centre")?.contains(document.activeElement);
    const button = { start: this.start.element, next: this.next.element, stop: this.stop.button }[this.centre];
    if (held) queueMicrotask(() => button.focus());
  }

  /**
   * Whether the room holds what is said before Start.
   * @param {StatusView} status
   * @param {Mode} mode
   */
  _listens(status, mode) {
    const listens = !TIMED.has(mode) && this.room.link === "open" && status.held_seconds > 0;
    if (listens && !this.listens) this.voice.whisper(this.words.t("mode.listening"));
    return listens;
  }

  /**
   * @param {StatusView} status
   * @param {Mode} mode
   */
  _show_headline(status, mode) {
    const { words } = this;
    const timed = TIMED.has(mode) ? status.lesson : null;
    icon_in(this.headline_shape, timed ? "" : SHAPE[mode], icon);
    put(this.headline, "data-figures", timed !== null);
    put(this.headline_words, "dir", timed && "ltr");
    put(this.headline_words, "role", timed && "timer");
    put(this.headline_words, "aria-label", timed && words.length(timed.elapsed));
    say(this.headline_words, timed ? words.stopwatch(timed.elapsed) : words.t(`headline.${mode}`));
  }

  /** @param {Mode} mode */
  _show_controls(mode) {
    const { room, words } = this;
    const still = STILL.has(mode);
    const running = this.centre === "stop";
    this.paused = room.status.state === "paused";
    put(this.start.element, "hidden", this.centre !== "start");
    put(this.next.element, "hidden", this.centre !== "next");
    put(this.stop, "hidden", this.centre !== "stop");
    /** @type {[Button, boolean][]} */
    const sides = [
      [this.pause, running || mode === "ended"],
      [this.mark, running],
    ];
    for (const [{ element }, is_shown] of sides) {
      put(element, "data-absent", !is_shown);
      put(element, "inert", !is_shown);
    }

    const busy = (/** @type {string[]} */ ...actions) => (actions.some((action) => room.pending.has(action)) ? "true" : null);
    put(this.start.element, "aria-busy", busy("start"));
    put(this.pause.element, "aria-busy", busy("pause", "resume", "undo"));
    put(this.mark.element, "aria-busy", busy("mark"));
    const unable = (/** @type {Element} */ element, /** @type {boolean} */ is_so) => put(element, "aria-disabled", is_so ? "true" : null);
    for (const button of [this.start.element, this.stop.button]) unable(button, still);
    unable(this.pause.element, still || !["recording", "paused", "doubt", "ended"].includes(mode));
    unable(this.mark.element, still || !["recording", "doubt"].includes(mode));

    say(this.start.label, words.t("start"));
    say(this.next.label, words.t("next"));
    const turns = this._turns_on();
    const left = { n: Math.ceil(room.status.undo_seconds) };
    say(this.pause.label, turns === "undo" ? words.t("undo", left) : words.t(turns === "resume" ? "resume" : "pause"));
    icon_in(this.pause.shape, turns === "pause" ? "pause" : "resume", icon);
    put(this.pause.element, "data-inviting", this.paused);
    const label = words.t(mode === "stopping" ? "stop.stopping" : "stop");
    const hints = { idle: words.t("stop.idle"), holding: words.t("stop.holding"), armed: words.t("stop.armed") };
    this.stop.show({ label, ...hints }, { busy: mode === "stopping" || room.pending.has("stop") });
    this._show_mark();
  }

  _show_mark() {
    const { words } = this;
    const marked = this.marked;
    icon_in(this.mark.shape, marked ? "check" : "mark", icon);
    put(this.mark.element, "data-done", Boolean(marked));
    say(this.mark.label, marked ? words.t("mark.done", { time: words.stopwatch(marked.at) }) : words.t("mark"));
  }

  /** @param {Mode} mode */
  _show_sentence(mode) {
    const { shape, text } = this.notice ?? standing(this.words, this.room, mode, this.listens);
    icon_in(this.sentence_shape, shape, icon);
    put(this.sentence, "data-level", LEVEL[shape] ?? "error");
    const calm = shape === "check" || shape === "microphone";
    if (say_anew(this.sentence_words, text) && !calm && !this.notice) this.voice.whisper(text);
  }

  // -- what happens when it is touched

  /**
   * It speaks instead of keeping silent when nothing can be done.
   * @param {Button} button
   * @param {() => void} act
   */
  _pressed({ element }, act) {
    if (performance.now() - this.turned < TREMBLE) return;
    if (element.ariaDisabled === "true" && !(this.mode && STILL.has(this.mode))) this._refuse("not-now");
    else act();
  }

  /**
   * @param {string} action
   * @param {object} [body]
   */
  async _do(action, body) {
    const slow = setTimeout(() => this._notify("ready", this.words.t("wait")), SLOW);
    try {
      const at = this.room.status.lesson?.elapsed ?? 0;
      if (this.room.pending.has(action)) return;
      await this.room.command(action, body);
      if (action === "mark") this._mark(this.room.status.lesson?.elapsed ?? at);
      if (action === "start") this.title.begun();
      if (this.notice?.shape === "ready") this.notice = null;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this._refuse(error.code, error.facts);
    } finally {
      clearTimeout(slow);
      this.show();
    }
  }

  /**
   * Tell a device something.
   * @param {() => Promise<void>} order
   */
  async _attempt(order) {
    try {
      await order();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this._refuse(error.code, error.facts);
    }
  }

  /**
   * @param {string} code
   * @param {Values} [facts]
   */
  _refuse(code, facts = {}) {
    this._tell("error", refusal(this.words, code, facts));
  }

  /**
   * @param {Shape} shape
   * @param {string} text
   */
  _tell(shape, text) {
    this._notify(shape, text);
    this.voice.shout(text);
  }

  /** @param {Record<string, [number, number]>} levels */
  _hear(levels) {
    this.sources.hear(levels);
    this.desk.hear(levels);
    this.setup.hear(levels);
  }

  /** @param {number} at */
  _mark(at) {
    this.marked = { at };
    clearTimeout(this.timers.unmark);
    this.timers.unmark = setTimeout(() => {
      this.marked = null;
      this.show();
    }, MARKED);
    this.voice.whisper(this.words.t("mark.say", { time: this.words.stopwatch(at) }));
  }

  /**
   * @param {Shape} shape
   * @param {string} text
   */
  _notify(shape, text) {
    this.notice = { shape, text };
    clearTimeout(this.timers.noticed);
    this.timers.noticed = setTimeout(() => {
      this.notice = null;
      this.show();
    }, NOTICE);
    this.show();
  }

  /** What the button beside the large one does now. */
  _turns_on() {
    return this.mode === "ended" ? "undo" : this.paused ? "resume" : "pause";
  }

  /** A stop that could be undone is meant now. */
  async _turn_to_next() {
    if (this.mode === "ended") await this._do("stop");
    this._put_away();
  }

  _put_away() {
    this.kept = null;
    this.show();
  }
}

/**
 * @param {Element} element
 * @param {string} text
 */
function say_anew(element, text) {
  const anew = element.textContent !== text;
  say(element, text);
  return anew;
}
