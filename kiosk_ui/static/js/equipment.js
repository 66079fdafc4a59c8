import { Display } from "./display.js";
import { h, icon_in, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { Places } from "./places.js";
import { condition } from "./fixtures.js";
import { Sheet } from "./sheet.js";
import { untold } from "./sentences.js";

/**
 * @import { Try } from "./display.js"
 * @import { Room } from "./room.js"
 * @import { Words } from "./words.js"
 */

const NAMED = new Set(["film", "slides", "board", "discussion", "dark"]); // scenes with a word in every language

const RANK = { ptz: 0, panel: 1 }; // a camera is turned in mid-lesson

/** The sheet of the room: scenes, panels, and cameras that turn. */
export class Equipment {
  wanted = "";
  /** @type {{ show: (fixture: FixtureView, sure: boolean) => void }[]} */
  cards = [];
  /** @type {Map<string, HTMLButtonElement>} */
  scenes = new Map();
  told = h("p", { class: "scenes-told", role: "status" });

  /**
   * @param {Words} words
   * @param {Room} room
   * @param {(sheet: Sheet) => void} opens
   * @param {Try} attempt
   */
  constructor(words, room, opens, attempt) {
    this.words = words;
    this.room = room;
    this.attempt = attempt;
    const said = { title: words.t("equipment"), close: words.t("sheet.close") };
    this.sheet = new Sheet("equipment", "room", said, opens);
  }

  /**
   * @param {StatusView} status
   * @param {boolean} sure the status is fresh
   */
  show({ fixtures: unsorted, scenes }, sure) {
    const fixtures = [...unsorted].sort((one, other) => RANK[one.kind] - RANK[other.kind]);
    this.sheet.allow(fixtures.length + scenes.length > 0);
    if (!this.sheet.is_open) return;
    const wanted = JSON.stringify([
      scenes.map(({ name }) => name),
      fixtures.map(({ id, label, can, inputs, presets }) => [id, label, can, inputs, presets]),
    ]);
    if (wanted !== this.wanted) this._make(fixtures, scenes);
    this.wanted = wanted;
    for (const [n, card] of this.cards.entries()) card.show(fixtures[n], sure);
    this._show_scenes(scenes, sure);
  }

  /**
   * @param {FixtureView[]} fixtures
   * @param {SceneView[]} scenes
   */
  _make(fixtures, scenes) {
    const { words, room, attempt } = this;
    const cards = fixtures.map((fixture) => new Card(words, room, fixture, attempt));
    this.cards = cards;
    this.scenes = new Map(scenes.map(({ name }) => [name, this._scene(name)]));
    const row = h("div", { class: "choice" }, ...this.scenes.values());
    const first = h("div", { class: "card scenes" }, h("h2", {}, words.t("scenes")), row, this.told);
    this.sheet.body.replaceChildren(...(scenes.length ? [first] : []), ...cards.map(({ element }) => element));
  }

  /** @param {string} name */
  _scene(name) {
    const word = NAMED.has(name) ? this.words.t(`scene.${name}`) : name;
    const button = h("button", { type: "button", class: "option", dir: "auto" }, word);
    button.addEventListener("click", () => this.attempt(() => this.room.play(name)));
    return button;
  }

  /**
   * @param {SceneView[]} scenes
   * @param {boolean} sure
   */
  _show_scenes(scenes, sure) {
    const { words } = this;
    for (const { name, playing } of scenes) {
      const button = this.scenes.get(name);
      if (!button) continue;
      put(button, "aria-busy", playing ? "true" : null);
      put(button, "aria-disabled", sure ? null : "true");
    }
    const last = scenes.find(({ playing, done }) => playing || done);
    const failed = words.list(last?.untold ?? []);
    const how = last?.playing ? "scenes.playing" : "scenes.done";
    say(this.told, !last ? "" : failed ? words.t("scenes.untold", { source: failed }) : words.t(how));
  }
}

/** One device with its name and how it is. */
class Card {
  shape = h("span", { class: "shape" });
  state = h("span", { class: "fixture-state" });

  /**
   * @param {Words} words
   * @param {Room} room
   * @param {FixtureView} fixture
   * @param {Try} attempt
   */
  constructor(words, room, fixture, attempt) {
    this.words = words;
    const head = h("h2", {}, this.shape, h("span", { dir: "auto" }, fixture.label), this.state);
    this.inner = fixture.kind === "ptz" ? new Places(words, room, fixture, attempt) : new Display(words, room, fixture, attempt);
    this.element = h("div", { class: "card", role: "group", "aria-label": fixture.label }, head, this.inner.element);
  }

  /**
   * @param {FixtureView} fixture
   * @param {boolean} sure
   */
  show(fixture, sure) {
    const { words } = this;
    const how = fixture.telling && sure ? "telling" : condition(fixture, sure);
    const failed = sure && !fixture.telling && !fixture.problem ? untold(words, fixture) : "";
    put(this.element, "data-state", failed ? "problem" : how);
    icon_in(this.shape, how === "problem" || failed ? "warning" : how === "on" ? "check" : "ready", icon);
    say(this.state, failed || words.t(`fixture.${how}`));
    this.inner.show(fixture, sure);
  }
}
