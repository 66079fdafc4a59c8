import { h, icon_in, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { CENTRE, SHAPE, mode_of } from "./mode.js";
import { Deliveries } from "./deliveries.js";
import { Facts } from "./facts.js";
import { Fixtures } from "./fixtures.js";
import { Languages } from "./languages.js";
import { Plan } from "./plan.js";
import { Refused } from "./room.js";
import { Sources } from "./sources.js";
import { delivery, from_afar, health, refusal, started_from_afar } from "./sentences.js";
import { Title } from "./title.js";
import "./stop-button.js";

const NOTICE = 6_000; // ms that an answer to a tap stays in the place of the health sentence
const MARKED = 3_000;
const SLOW = 1_500; // ms after which a command that is still on its way is spoken of
const KEPT = 180_000; // ms until the end screen makes room by itself
const TREMBLE = 700; // ms in which a second tap is taken for the trembling of the first
const TIMED = new Set(["starting", "recording", "paused", "stopping"]);
const STILL = new Set(["waking", "lost", "cannot-record"]);
const LEVEL = { check: "ok", ready: "ok", microphone: "ok", record: "ok", warning: "warning" };
const ALARMING = new Set(["lost", "doubt"]);

/** The whole page. `element` is its root; language: called with the language someone chose. */
export class Panel {
  kept = null;
  lesson = null;
  announced = null; // the lesson of which it was said that it was started from afar
  notice = null;
  marked = null;
  mode = null;
  centre = "start";
  turned = -Infinity;

  /** before: the panel in another language that this one replaces; what it knew of the running lesson goes on. */
  constructor(room, words, language, before = null) {
    Object.assign(this, { room, words, language });
    if (before) Object.assign(this, { kept: before.kept, lesson: before.lesson, announced: before.announced });
    this.title = new Title(words, before?.title);
    this.plan = new Plan(words, (body) => this._do("extend", body));
    this.title.row.append(this.plan.more);
    this.sources = new Sources(words);
    this.deliveries = new Deliveries(room, words);
    this.facts = new Facts(words);
    this.fixtures = new Fixtures(words, (camera, place) => this._turn_to(camera, place));
    const rows = [this._strip(), this._stage(), this.sources.element, this.fixtures.element, this.facts.element];
    this.element = h("div", { class: "panel" }, ...rows);
    this.whispers = h("div", { class: "unseen", role: "status" });
    this.shouts = h("div", { class: "unseen", role: "alert" });
    this.element.append(this.whispers, this.shouts, this.deliveries.element);
    this.ears = new AbortController();
    room.addEventListener("change", () => this._show_soon(), this.ears);
    room.addEventListener("levels", ({ detail }) => this.sources.hear(detail), this.ears);
    this.show();
  }

  close() {
    this.ears.abort();
    cancelAnimationFrame(this.due);
    this.deliveries.close();
    this.element.remove();
  }

  // -- what stands on it

  _strip() {
    const { words } = this;
    this.room_name = h("span", { dir: "auto" });
    this.institution = h("span", { class: "institution", dir: "auto" });
    this.shape = h("span", { class: "shape" });
    this.word = h("span", { class: "mode-word" });
    this.mode_line = h("p", { class: "mode" }, this.shape, this.word);
    this.clock = h("time", { class: "clock" });
    this.languages = new Languages(words, this.language);
    const asks = { "aria-label": words.t("deliveries.title"), "aria-haspopup": "dialog" };
    const opens = { type: "button", class: "tool sent", ...asks, onclick: () => this.deliveries.open() };
    this.sent = h("button", opens, icon("send"));
    return h(
      "header",
      { class: "strip" },
      h("h1", { class: "room" }, this.room_name, this.institution),
      h("div", { class: "mode-slot" }, this.mode_line),
      h("div", { class: "tools" }, this.sent, this.languages.element),
      this.clock,
    );
  }

  _stage() {
    const { words } = this;
    this.headline_shape = h("span", { class: "shape" });
    this.headline_words = h("span");
    this.headline = h("p", { class: "headline" }, this.headline_shape, this.headline_words);
    this.start = this._button("primary start", "record", () => this._do("start", { title: this.title.value }));
    this.next = this._button("primary next", "ready", () => this._turn_to_next());
    this.stop = document.createElement("stop-button");
    this.stop.addEventListener("stop", () => this._do("stop", { undo: true }));
    this.stop.addEventListener("armed", () => this._whisper(words.t("stop.armed.say")));
    this.pause = this._button("side pause", "pause", () => this._do(this._turns_on()));
    this.mark = this._button("side mark", "mark", () => this._do("mark", { label: "" }));
    this.sentence_shape = h("span", { class: "shape" });
    this.sentence = h("span");
    return h(
      "main",
      { class: "stage" },
      h("div", { class: "head" }, this.headline, this.plan.element),
      this.title.element,
      h(
        "div",
        { class: "controls" },
        this.pause.element,
        h("div", { class: "centre" }, this.start.element, this.next.element, this.stop),
        this.mark.element,
      ),
      h("p", { class: "sentence" }, this.sentence_shape, this.sentence),
    );
  }

  /** A button that answers the finger at once, and speaks instead of keeping silent when nothing can be done. */
  _button(kind, shape, act) {
    const parts = {
      shape: h("span", { class: "shape" }),
      label: h("span", { class: "button-label" }),
    };
    icon_in(parts.shape, shape, icon);
    const pressed = () => {
      if (performance.now() - this.turned < TREMBLE) return;
      if (parts.element.ariaDisabled === "true" && !STILL.has(this.mode)) this._refuse("not-now");
      else act();
    };
    const attributes = { type: "button", class: `button ${kind}`, onclick: pressed };
    parts.element = h("button", attributes, parts.shape, parts.label);
    return parts;
  }

  // -- what it shows

  /** With the next picture on the screen: however much changes until then, it is shown once. */
  _show_soon() {
    cancelAnimationFrame(this.due);
    this.due = requestAnimationFrame(() => this.show());
  }

  show() {
    const { room, words } = this;
    const { status } = room;
    this._follow(status);
    const mode = mode_of(room.link, status, this.kept);
    if (mode !== this.mode) this._turn(mode);
    if (started_from_afar(status) && this.announced !== status.lesson.id) this._announce(status);
    const now = new Date();
    say(this.clock, words.clock(now));
    this._show_strip(status, mode);
    this._show_headline(status, mode, now);
    this._show_controls(mode);
    this._show_sentence(status, mode);
    this.title.show(status, mode, now);
    this.plan.show(status, mode, now);
    this.sources.show(status, room.link === "open");
    this.fixtures.show(status, room.link === "open", room.pending);
    this.facts.show(status, mode);
  }

  /** Nobody may be recorded unawares: said once, whatever else there is to say. */
  _announce(status) {
    this.announced = status.lesson.id;
    const text = from_afar(this.words, status);
    this._notify("record", text);
    this._shout(text);
  }

  /** Remember whose end this page has seen, so that it can say `kept`. */
  _follow(status) {
    if (status.lesson) this.lesson = status.lesson.id;
    else if (this.lesson) {
      this.kept = status.state === "ready" ? this.lesson : null;
      if (status.state === "ready") this.lesson = null;
    }
    if (status.lesson) this.kept = null;
  }

  _turn(mode) {
    const first = this.mode === null;
    const before = this.centre;
    this.mode = mode;
    this.centre = CENTRE[mode] ?? this.centre;
    this.notice = null;
    const idle = mode === "ready" || mode === "kept"; // nothing may cover the panel while a lesson is on
    put(this.sent, "data-absent", !idle);
    put(this.sent, "inert", !idle);
    if (!idle) this.deliveries.close();
    if (this.centre !== before) {
      this.turned = performance.now();
      if (this.centre === "stop") this.stop.appear();
      this._keep_focus();
    }
    clearTimeout(this.away);
    if (mode === "kept") this.away = setTimeout(() => this._put_away(), KEPT);
    put(document.documentElement, "data-mode", mode);
    if (ALARMING.has(mode)) this._shout(this.words.t(`say.${mode}`));
    else if (!first) this._whisper(this.words.t(`say.${mode}`));
  }

  /** Whoever works with keys stays where the button was that has gone. */
  _keep_focus() {
    const held = this.element.querySelector(".centre").contains(document.activeElement);
    const button = { start: this.start.element, next: this.next.element, stop: this.stop.button }[this.centre];
    if (held) queueMicrotask(() => button.focus());
  }

  _show_strip(status, mode) {
    const { words } = this;
    say(this.room_name, status.room.name);
    say(this.institution, status.room.institution);
    const listens = !TIMED.has(mode) && this.room.link === "open" && status.held_seconds > 0;
    if (listens && !this.listens) this._whisper(words.t("mode.listening"));
    this.listens = listens;
    icon_in(this.shape, listens ? "microphone" : SHAPE[mode], icon);
    say(this.word, words.t(listens ? "mode.listening" : `mode.${mode}`));
    this.languages.show(status.room.languages);
    const lesson = status.lesson;
    const timed = lesson && TIMED.has(mode) ? ` ${words.stopwatch(lesson.elapsed)}` : "";
    const title = `${words.t(`mode.${mode}`)}${timed} — ${status.room.name}`;
    if (document.title !== title) document.title = title;
  }

  _show_headline(status, mode) {
    const { words } = this;
    const timed = TIMED.has(mode) && status.lesson;
    put(this.mode_line, "hidden", !timed && !this.listens); // said once: in the strip beside the time, or else here
    icon_in(this.headline_shape, timed ? "" : SHAPE[mode], icon);
    put(this.headline, "data-figures", Boolean(timed));
    put(this.headline_words, "dir", timed ? "ltr" : null);
    put(this.headline_words, "role", timed ? "timer" : null);
    put(this.headline_words, "aria-label", timed ? words.length(status.lesson.elapsed) : null);
    say(this.headline_words, timed ? words.stopwatch(status.lesson.elapsed) : words.t(`headline.${mode}`));
  }

  _show_controls(mode) {
    const { room, words } = this;
    const still = STILL.has(mode);
    const running = this.centre === "stop";
    this.paused = room.status.state === "paused";
    put(this.start.element, "hidden", this.centre !== "start");
    put(this.next.element, "hidden", this.centre !== "next");
    put(this.stop, "hidden", this.centre !== "stop");
    const shown = { pause: running || mode === "ended", mark: running };
    for (const [name, is_shown] of Object.entries(shown)) {
      put(this[name].element, "data-absent", !is_shown);
      put(this[name].element, "inert", !is_shown);
    }

    const busy = (...actions) => (actions.some((action) => room.pending.has(action)) ? "true" : null);
    put(this.start.element, "aria-busy", busy("start"));
    put(this.pause.element, "aria-busy", busy("pause", "resume", "undo"));
    put(this.mark.element, "aria-busy", busy("mark"));
    const unable = (element, is_so) => put(element, "aria-disabled", is_so ? "true" : null);
    for (const button of [this.start.element, this.stop.button]) unable(button, still);
    unable(this.pause.element, still || !["recording", "paused", "doubt", "ended"].includes(mode));
    unable(this.mark.element, still || !["recording", "doubt"].includes(mode));

    say(this.start.label, words.t("start"));
    say(this.next.label, words.t("next"));
    const turns = this._turns_on();
    const left = { n: Math.ceil(room.status.undo_seconds) };
    const labels = { pause: words.t("pause"), resume: words.t("resume"), undo: words.t("undo", left) };
    say(this.pause.label, labels[turns]);
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

  _show_sentence(status, mode) {
    const { words, room } = this;
    const since = { time: words.clock_with_seconds(room.since) };
    let shape = "check";
    let text;
    if (this.notice) {
      ({ shape, text } = this.notice);
    } else if (mode === "lost") {
      shape = "error";
      text = words.t(room.busy ? "why.lost.busy" : "why.lost", since);
    } else if (mode === "waking") {
      shape = "ready";
      text = words.t("why.waking");
    } else if (mode === "doubt") {
      shape = "warning";
      text = words.t("why.doubt", since);
    } else if (mode === "ended") {
      text = words.t("why.ended");
    } else if (mode === "kept" && status.health.level === "ok") {
      text = delivery(words, status.last, status.sync);
    } else if (this.listens && status.health.level === "ok") {
      shape = "microphone";
      text = words.t("held", { n: status.held_seconds });
    } else {
      shape = { ok: "check", warning: "warning" }[status.health.level] ?? "error";
      text = health(words, status);
    }
    icon_in(this.sentence_shape, shape, icon);
    put(this.sentence.parentElement, "data-level", LEVEL[shape] ?? "error");
    const calm = shape === "check" || shape === "microphone";
    if (say_anew(this.sentence, text) && !calm && !this.notice) this._whisper(text);
  }

  // -- what happens when it is touched

  async _do(action, body) {
    const slow = setTimeout(() => this._notify("ready", this.words.t("wait")), SLOW);
    try {
      const at = this.room.status.lesson?.elapsed;
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

  async _turn_to(camera, place) {
    try {
      await this.room.turn(camera, place);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this._refuse(error.code, error.facts);
    }
  }

  _refuse(code, facts = {}) {
    const text = refusal(this.words, code, facts);
    this._notify("error", text);
    this._shout(text);
  }

  _mark(at) {
    this.marked = { at };
    clearTimeout(this.unmark);
    this.unmark = setTimeout(() => {
      this.marked = null;
      this.show();
    }, MARKED);
    this._whisper(this.words.t("mark.say", { time: this.words.stopwatch(at) }));
  }

  _notify(shape, text) {
    this.notice = { shape, text };
    clearTimeout(this.noticed);
    this.noticed = setTimeout(() => {
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

  _whisper(text) {
    again(this.whispers, text);
  }

  _shout(text) {
    again(this.shouts, text);
  }
}

/** Say it even if the same was said last. */
function again(region, text) {
  region.replaceChildren(h("p", {}, text));
}

function say_anew(element, text) {
  const anew = element.textContent !== text;
  say(element, text);
  return anew;
}
