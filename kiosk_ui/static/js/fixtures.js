import { h, icon_in, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { place_name } from "./places.js";

/** @import { Words } from "./words.js" */

/** @typedef {{ element: HTMLElement, shape: HTMLElement, state: HTMLElement, places: HTMLButtonElement[] }} Chip */

/** A quiet line of what else stands in the room: panels, how they are, and cameras that turn with their places. */
export class Fixtures {
  /** @type {Map<string, Chip>} */
  chips = new Map();
  wanted = "";

  /**
   * @param {Words} words
   * @param {(camera: string, place: string) => void} turn
   */
  constructor(words, turn) {
    this.words = words;
    this.turn = turn;
    this.element = h("section", { class: "fixtures", "aria-label": words.t("fixtures"), hidden: true });
  }

  /**
   * @param {StatusView} status
   * @param {boolean} sure the status is fresh
   * @param {Set<string>} pending commands on their way
   */
  show({ fixtures }, sure, pending) {
    put(this.element, "hidden", fixtures.length === 0);
    const wanted = JSON.stringify(fixtures.map(({ id, presets }) => [id, presets]));
    if (wanted !== this.wanted) {
      this.wanted = wanted;
      this.chips = new Map(fixtures.map((fixture) => [fixture.id, this._chip(fixture)]));
      this.element.replaceChildren(...[...this.chips.values()].map(({ element }) => element));
    }
    for (const fixture of fixtures) {
      const chip = this.chips.get(fixture.id);
      if (chip) this._show(chip, fixture, sure, pending);
    }
  }

  /**
   * @param {FixtureView} fixture
   * @returns {Chip}
   */
  _chip({ id, kind, label, presets }) {
    const { words } = this;
    const shape = h("span", { class: "shape" });
    const state = h("span", { class: "fixture-state" });
    const place = (/** @type {string} */ name) => {
      const word = place_name(words, name);
      const said = { "aria-label": words.t("place.turn", { source: label, place: word }) };
      return h("button", { type: "button", class: "place", dir: "auto", onclick: () => this.turn(id, name), ...said }, word);
    };
    const places = presets.map(place);
    const name = h("span", { class: "fixture-name", dir: "auto" }, label);
    const element = h("div", { class: "fixture", "data-kind": kind, role: "group" }, shape, name, state, ...places);
    return { element, shape, state, places };
  }

  /**
   * @param {Chip} chip
   * @param {FixtureView} fixture
   * @param {boolean} sure
   * @param {Set<string>} pending
   */
  _show({ element, shape, state, places }, fixture, sure, pending) {
    const { words } = this;
    const { id, label, kind } = fixture;
    const how = condition(fixture, sure);
    const quiet = kind === "ptz" && how === "on"; // its places say that it can be turned
    put(element, "data-state", how);
    put(element, "aria-label", label);
    icon_in(shape, how === "problem" ? "warning" : how === "on" ? "check" : "ready", icon);
    say(state, quiet ? "" : words.t(`fixture.${how}`));
    for (const button of places) put(button, "aria-busy", pending.has(`turn ${id}`) ? "true" : null);
  }
}

/**
 * How a device is, as far as it said so itself: its power, `problem` or `unknown`.
 * @param {FixtureView} fixture
 * @param {boolean} sure the status is fresh
 */
export function condition({ power, problem }, sure) {
  if (!sure) return "unknown";
  return problem ? "problem" : (power ?? "unknown");
}
