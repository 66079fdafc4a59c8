import { h, icon_in, put, say } from "../dom.js";
import { icon } from "../icons.js";
import { LevelMeter } from "../level-meter.js";
import { first } from "../sentences.js";
import { SourcePicture } from "../source-picture.js";
import { Field } from "./field.js";

/** @import { Wizard } from "./wizard.js" */

const LIVING = 4; // see sources.js
const LOOKING = 20_000; // ms in which every driver has answered

/** What could be recorded, as it looks and sounds now, each with its tick; and a way to a camera on the network. */
export class DevicesStep {
  name = "devices";
  /** @type {Tile[]} */
  tiles = [];
  looks = 0;
  busy = h("p", { class: "setup-fact", role: "status" });
  cameras = h("div", { class: "setup-tiles" });
  microphones = h("div", { class: "setup-tiles" });

  /** @param {Wizard} wizard */
  constructor(wizard) {
    this.wizard = wizard;
    const { words } = wizard;
    const done = () => this._add();
    this.address = new Field(words, "setup.camera.address", { most: 500, done, latin: true });
    this.user = new Field(words, "setup.camera.user", { most: 100, done, latin: true });
    this.password = new Field(words, "setup.camera.password", { most: 200, done, latin: true, type: "password" });
    this.add = this._button("setup.camera.add", done);
    const fields = [this.address, this.user, this.password].map(({ element }) => element);
    const back = this._button("setup.camera.back", () => this._ask(false));
    const buttons = h("div", { class: "setup-buttons" }, this.add, back);
    this.form = h("div", { class: "setup-form setup-camera", hidden: true }, ...fields, buttons);
    const more = [this._button("setup.camera", () => this._ask(true)), this._button("setup.devices.again", () => this._look())];
    this.lists = h(
      "div",
      { class: "setup-devices" },
      h("h4", {}, words.t("setup.devices.cameras")),
      this.cameras,
      h("h4", {}, words.t("setup.devices.microphones")),
      this.microphones,
      h("div", { class: "setup-buttons" }, ...more),
    );
    this.element = h("div", {}, this.busy, this.lists, this.form);
  }

  show() {
    this._ask(false);
    this._look();
  }

  leave() {
    this.looks += 1; // an answer that comes now is of no use
    this._show([]);
  }

  async next() {
    const devices = this.tiles.filter(({ chosen }) => chosen).map(({ seen }) => seen.key);
    if (devices.length) return this.wizard.keep({ devices });
    this.wizard.complain(this.wizard.words.t("setup.refused.nothing-chosen"));
    return false;
  }

  /** @param {Record<string, [number, number]>} levels */
  hear(levels) {
    for (const tile of this.tiles) {
      const level = levels[tile.seen.source];
      if (level) tile.hear(...level);
    }
  }

  // -- within

  /**
   * @param {string} key
   * @param {() => void} act
   */
  _button(key, act) {
    return h("button", { type: "button", class: "button", onclick: act }, this.wizard.words.t(key));
  }

  /** @param {boolean} asking for a camera's address, in the place of the lists: the keyboard covers what is below */
  _ask(asking) {
    put(this.form, "hidden", !asking);
    put(this.lists, "hidden", asking);
    this.wizard.complain("");
    if (asking) this.address.input.focus();
  }

  async _look() {
    await this._answered(() => this.wizard.ask("/look", {}, LOOKING));
  }

  async _add() {
    if (!this.address.value) {
      this.wizard.complain(this.wizard.words.t("setup.camera.empty"));
      return;
    }
    const camera = { address: this.address.value, user: this.user.value, password: this.password.input.value };
    put(this.add, "aria-busy", "true");
    const added = await this._answered(() => this.wizard.ask("/camera", camera, 2 * LOOKING));
    put(this.add, "aria-busy", null);
    if (!added) return;
    for (const field of [this.address, this.user, this.password]) field.value = "";
    this._ask(false);
  }

  /**
   * What somebody has ticked or not stays so.
   * @param {() => Promise<CandidateView[] | null>} asked
   */
  async _answered(asked) {
    const look = ++this.looks;
    say(this.busy, this.wizard.words.t("setup.devices.busy"));
    const seen = await asked();
    if (look !== this.looks) return false;
    say(this.busy, "");
    if (!seen) return false;
    const before = new Map(this.tiles.map(({ seen: { key }, chosen }) => [key, chosen]));
    this._show(seen.map((each) => ({ ...each, chosen: before.get(each.key) ?? each.chosen })));
    return true;
  }

  /** @param {CandidateView[]} seen */
  _show(seen) {
    const { words } = this.wizard;
    const of = (/** @type {string} */ kind) => seen.filter((each) => each.kind === kind);
    const cameras = of("camera").map((each, at) => new Tile(words, each, at < LIVING));
    const microphones = of("microphone").map((each) => new Tile(words, each));
    this.tiles = [...cameras, ...microphones];
    const none = (/** @type {string} */ key) => h("p", { class: "setup-none" }, words.t(key));
    const shown = (/** @type {Tile[]} */ tiles) => tiles.map(({ element }) => element);
    this.cameras.replaceChildren(...(cameras.length ? shown(cameras) : [none("setup.devices.no-camera")]));
    this.microphones.replaceChildren(...(microphones.length ? shown(microphones) : [none("setup.devices.no-microphone")]));
  }
}

/** One camera or microphone. */
class Tile {
  shape = h("span", { class: "shape" });
  state = h("span", { class: "setup-state" });
  /** @type {LevelMeter | null} */
  meter = null;
  sound = h("p", { class: "sound" });

  /**
   * @param {import("../words.js").Words} words
   * @param {CandidateView} seen
   * @param {boolean} [living] of a camera: it moves
   */
  constructor(words, seen, living = false) {
    this.words = words;
    this.seen = seen;
    this.chosen = seen.chosen;
    const name = h("bdi", { class: "source-name" }, seen.title);
    const lines = h("span", { class: "source-words" }, name, this.state);
    this.tick = h("button", { type: "button", class: "option setup-tick" }, this.shape, lines);
    this.tick.addEventListener("click", () => this._turn());
    const what = seen.kind === "camera" ? this._picture(living) : this._ear();
    what.addEventListener("click", () => this._turn());
    this.element = h("figure", { class: `setup-tile ${seen.kind}` }, what, this.tick);
    this._show();
  }

  /**
   * @param {number} rms
   * @param {number} peak
   */
  hear(rms, peak) {
    if (!this.meter) return;
    this.meter.hear(rms, peak);
    const word = this.words.t(`sound.${this.meter.verdict}`);
    say(this.sound, word);
    this.meter.say(word);
  }

  get _trouble() {
    const { problem, title, kind } = this.seen;
    const waiting = kind === "camera" ? "video.waiting" : "sound.none";
    const keys = problem ? [`problem.${problem.code}`, "setup.devices.trouble"] : [waiting];
    return this.words.t(first(this.words, keys), { ...problem?.facts, source: title });
  }

  /** @param {boolean} living */
  _picture(living) {
    const { seen } = this;
    const picture = new SourcePicture();
    picture.dataset.source = seen.source;
    picture.living = living;
    picture.show(seen.title, this._trouble);
    if (!seen.problem) return picture;
    return h("div", { class: "setup-dark" }, h("p", { class: "picture-sentence" }, this._trouble));
  }

  _ear() {
    this.meter = new LevelMeter();
    put(this.meter, "aria-label", this.seen.title);
    say(this.sound, this._trouble);
    this.meter.say(this._trouble);
    return h("div", { class: "ear" }, icon("microphone"), this.meter, this.sound);
  }

  _turn() {
    this.chosen = !this.chosen;
    this._show();
  }

  _show() {
    put(this.tick, "aria-pressed", String(this.chosen));
    put(this.element, "data-chosen", this.chosen);
    icon_in(this.shape, this.chosen ? "check" : "ready", icon);
    say(this.state, this.words.t(this.chosen ? "setup.devices.taken" : "setup.devices.left"));
  }
}
