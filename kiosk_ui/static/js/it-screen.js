import { h, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { Refused } from "./room.js";
import { health, name_of, room_left, sent, silence, unopened } from "./sentences.js";
import { LANGUAGES } from "./words.js";

/**
 * @import { Room } from "./room.js"
 * @import { Words } from "./words.js"
 */

const EVERY = 3_000; // ms between two looks while it is open
const DOCTOR = 130_000; // ms in which the doctor answers
const GIGA = 1e9;
const SHAPES = /** @type {const} */ ({ ok: "check", warning: "warning", error: "error" });
const GRAVITY = ["error", "warning", "ok"];
const ENGLISH = { lang: "en", dir: "ltr" }; // what programs say to technicians

/** What the IT staff see behind their PIN. */
export class ItScreen {
  is_open = false;
  confirmed = 0;
  wanted = "";
  newest = "";
  offered = "";
  /** @type {number | undefined} */
  again;
  /** @type {Intl.NumberFormat | undefined} */
  _made;
  /**
   * By microphone.
   * @type {Map<string, Element>}
   */
  levels = new Map();

  running = h("p", { class: "it-running", role: "status" });
  health = h("p");
  sources = h("ul", { class: "it-list" });
  host = h("bdi");
  addresses = h("bdi");
  server = h("bdi");
  contact = h("span");
  waiting = h("p");
  room_left = h("p");
  free = h("p");
  checked = h("p", { role: "status" });
  found = h("ul", { class: "it-list", ...ENGLISH });
  sticks = h("div", { class: "it-buttons" });
  exported = h("p", { role: "status" });
  why = h("p", ENGLISH);
  anew_said = h("p", { role: "alert" });
  log = h("ol", { class: "it-log", tabindex: "0", ...ENGLISH });

  /**
   * @param {Room} room
   * @param {Words} words
   * @param {object} more
   * @param {(language: string) => void} more.choose called with a language
   * @param {() => void} more.set_up called when the room shall be set up anew
   * @param {() => void} more.over called when the session has ended
   */
  constructor(room, words, { choose, set_up, over }) {
    this.room = room;
    this.words = words;
    this.over = over;
    this.examine = this._button("it.check.start", () => this._examine());
    this.anew = this._button("it.restart.start", () => this._begin_anew());
    put(this.log, "aria-label", words.t("it.log"));
    const facts = [
      [words.t("it.host"), this.host],
      [words.t("it.addresses"), this.addresses],
      [words.t("it.server"), this.server],
      [words.t("it.contact"), this.contact],
    ];
    const list = facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
    this.element = h(
      "div",
      { class: "it" },
      this.running,
      this._part("it.devices", this.health, this.sources),
      this._part("it.network", h("dl", { class: "it-facts" }, ...list), this.waiting),
      this._part("it.disk", this.room_left, this.free),
      this._part("it.check", this.examine, this.checked, this.found),
      this._part("it.export", this.sticks, this.exported, this.why),
      this._part("language", h("div", { class: "it-buttons" }, ...this._languages(choose))),
      this._part("setup", h("p", {}, words.t("it.setup")), this._button("it.setup.start", set_up)),
      this._part("it.restart", this.anew, this.anew_said),
      this._part("it.log", this.log),
    );
  }

  open() {
    this.is_open = true;
    this.confirmed = 0;
    say(this.anew_said, "");
    this.found.replaceChildren();
    this.show(this.room.status);
    this._look();
  }

  close() {
    this.is_open = false;
    clearTimeout(this.again);
  }

  /** @param {StatusView} status */
  show(status) {
    if (!this.is_open) return;
    const { words } = this;
    put(this.running, "hidden", !status.lesson);
    say(this.running, status.lesson ? words.t("it.running") : "");
    say(this.health, health(words, status));
    this._show_sources(status);
    const { sync, disk } = status;
    say(this.server, sync.server ?? words.t("it.none"));
    say(this.contact, sync.last_contact ? words.today(new Date(sync.last_contact * 1000)) : words.t("it.none"));
    say(this.waiting, sent(words, status).text);
    say(this.room_left, room_left(words, disk.hours_left));
    say(this.free, words.t("it.free", { free: this._bytes(disk.free_bytes), total: this._bytes(disk.total_bytes) }));
  }

  /** @param {Record<string, [number, number]>} levels */
  hear(levels) {
    if (!this.is_open) return;
    for (const [id, [rms]] of Object.entries(levels)) {
      const level = this.levels.get(id);
      if (level) say(level, `${this.words.number(Math.max(-99, rms))} dB`);
    }
  }

  // -- its parts

  /**
   * @param {string} key
   * @param {...Element} children
   */
  _part(key, ...children) {
    return h("section", { class: "it-part" }, h("h3", {}, this.words.t(key)), ...children);
  }

  /** @param {StatusView} status */
  _show_sources(status) {
    const { words } = this;
    const wanted = JSON.stringify(status.sources.map(({ id, state, problem, label }) => [id, state, problem, label]));
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    this.levels = new Map();
    const lines = status.sources.map((source) => {
      const level = h("span", { class: "it-level", dir: "ltr" });
      if (source.media === "audio") this.levels.set(source.id, level);
      const state = source.problem ? silence(words, source) : words.t(`state.${source.state}`);
      const shape = icon(source.problem ? "warning" : "check");
      return h("li", {}, shape, h("bdi", {}, name_of(words, source)), h("span", {}, state), level);
    });
    this.sources.replaceChildren(...lines);
  }

  /** @param {(language: string) => void} choose */
  _languages(choose) {
    const here = this.words.language;
    return Object.entries(LANGUAGES).map(([language, name]) => {
      const attributes = { type: "button", class: "button", lang: language, "aria-pressed": String(language === here) };
      return h("button", { ...attributes, onclick: () => language !== here && choose(language) }, name);
    });
  }

  /**
   * @param {string} key
   * @param {() => void} act
   */
  _button(key, act) {
    return h("button", { type: "button", class: "button", onclick: act }, this.words.t(key));
  }

  /** Not made before somebody is there: that takes a poor panel a while. */
  get _giga() {
    const form = /** @type {const} */ ({ style: "unit", unit: "gigabyte", maximumFractionDigits: 1 });
    return (this._made ??= new Intl.NumberFormat(this.words.tag, form));
  }

  /** @param {number} count */
  _bytes(count) {
    return this._giga.format(count / GIGA);
  }

  // -- what it asks

  async _look() {
    clearTimeout(this.again);
    const seen = await this._ask("it");
    if (seen && this.is_open) this._show(seen);
    if (this.is_open) this.again = setTimeout(() => this._look(), EVERY);
  }

  /** @param {ItView} seen */
  _show({ host, addresses, sticks, export: last, log }) {
    const { words } = this;
    say(this.host, host);
    say(this.addresses, addresses.join(" · ") || words.t("it.none"));
    this._show_sticks(sticks, last);
    const newest = JSON.stringify(log.at(-1) ?? null) + log.length;
    if (newest === this.newest) return;
    this.newest = newest;
    const line = (/** @type {LogView} */ { at, level, text }) =>
      h("li", { "data-level": level }, `${new Date(at * 1000).toISOString().slice(5, 19).replace("T", " ")} ${text}`);
    this.log.replaceChildren(...log.map(line).reverse());
  }

  /**
   * @param {StickView[]} sticks
   * @param {ExportView | null} last
   */
  _show_sticks(sticks, last) {
    const { words } = this;
    const running = last?.state === "running";
    const wanted = JSON.stringify([sticks.map(({ path, free }) => [path, this._bytes(free)]), running]);
    if (wanted !== this.offered) {
      this.offered = wanted;
      const button = (/** @type {StickView} */ { path, free }) => {
        const text = words.t("it.export.start", { path, free: this._bytes(free) });
        const act = () => !running && this._carry(path);
        return h("button", { type: "button", class: "button", "aria-disabled": running || null, onclick: act }, text);
      };
      const none = h("p", {}, words.t("it.export.none"));
      this.sticks.replaceChildren(...(sticks.length ? sticks.map(button) : [none]));
    }
    say(this.exported, last ? this._export_said(last) : "");
    say(this.why, last?.said ?? "");
  }

  /** @param {ExportView} last */
  _export_said({ state, bytes, left }) {
    const { words } = this;
    if (state === "running") return words.t("it.export.running");
    if (state === "failed") return words.t("it.export.failed");
    const done = words.t("it.export.done", { size: this._bytes(bytes) });
    return left ? `${done} ${words.t("it.export.left", { size: this._bytes(left) })}` : done;
  }

  /** @param {string} path */
  async _carry(path) {
    const begun = await this._ask("it/export", { stick: path }, (text) => say(this.exported, text));
    if (begun) await this._look();
  }

  async _examine() {
    if (this.examine.ariaBusy === "true") return;
    put(this.examine, "aria-busy", "true");
    say(this.checked, this.words.t("it.check.busy"));
    /** @type {FindingView[] | null} */
    const found = await this._ask("it/doctor", {}, (text) => say(this.checked, text), DOCTOR);
    put(this.examine, "aria-busy", null);
    if (!found) return;
    const bad = found.filter(({ level }) => level !== "ok").length;
    say(this.checked, bad ? this.words.t("it.check.bad", { n: bad }) : this.words.t("it.check.well"));
    const line = (/** @type {FindingView} */ { what, level, fact, why, advice }) => {
      const said = h("span", {}, [fact, level === "ok" ? "" : why, advice].filter(Boolean).join(" — "));
      return h("li", { "data-level": level }, icon(SHAPES[level]), h("b", {}, what), said);
    };
    const gravest = found.toSorted((one, other) => GRAVITY.indexOf(one.level) - GRAVITY.indexOf(other.level));
    this.found.replaceChildren(...gravest.map(line));
  }

  /** Twice more while a lesson is on, for that is nothing that may happen by a slip. */
  async _begin_anew() {
    const { words } = this;
    const heard = this.confirmed;
    if (this.room.status.lesson && heard < 2) {
      this.confirmed = heard + 1;
      say(this.anew_said, words.t(heard ? "it.restart.really" : "it.restart.sure"));
      return;
    }
    const done = await this._ask("it/restart", { confirmed: heard }, (text) => say(this.anew_said, text));
    this.confirmed = 0;
    if (done) say(this.anew_said, words.t("it.restart.done"));
  }

  /**
   * @param {string} path
   * @param {object | null} [body]
   * @param {(text: string) => void} [refused] called with a sentence
   * @param {number} [patience] ms
   * @returns {Promise<any>} the answer, or null when there is none
   */
  async _ask(path, body = null, refused = () => {}, patience = undefined) {
    try {
      return await this.room.behind(path, body, patience);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === "not-signed-in") this._over();
      else refused(unopened(this.words, error, "it"));
      return null;
    }
  }

  _over() {
    if (!this.is_open) return;
    this.close();
    this.room.session = "";
    this.over();
  }
}
