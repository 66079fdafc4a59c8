import { h, icon_in, put, say } from "./dom.js";
import { icon } from "./icons.js";

const PLACES = new Set(["board", "lectern", "class"]); // which have a word of their own in every language

/** A quiet line of what else stands in the room: panels, how they are, and cameras that turn with their places. */
export class Fixtures {
  /** turn: called with a camera's id and the name of a place. */
  constructor(words, turn) {
    Object.assign(this, { words, turn, chips: new Map() });
    this.element = h("section", { class: "fixtures", "aria-label": words.t("fixtures"), hidden: true });
  }

  show(status, sure, pending) {
    const fixtures = status.fixtures ?? [];
    put(this.element, "hidden", fixtures.length === 0);
    const wanted = JSON.stringify(fixtures.map(({ id, presets }) => [id, presets]));
    if (wanted !== this.wanted) {
      this.wanted = wanted;
      this.chips = new Map(fixtures.map((fixture) => [fixture.id, this._chip(fixture)]));
      this.element.replaceChildren(...[...this.chips.values()].map(({ element }) => element));
    }
    for (const fixture of fixtures) this._show(this.chips.get(fixture.id), fixture, sure, pending);
  }

  _chip({ id, kind, label, presets }) {
    const { words } = this;
    const shape = h("span", { class: "shape" });
    const state = h("span", { class: "fixture-state" });
    const place = (name) => {
      const word = PLACES.has(name) ? words.t(`place.${name}`) : name;
      const said = PLACES.has(name) ? { "aria-label": words.t("place.turn", { source: label, place: word }) } : {};
      return h("button", { type: "button", class: "place", dir: "auto", onclick: () => this.turn(id, name), ...said }, word);
    };
    const places = presets.map(place);
    const name = h("span", { class: "fixture-name", dir: "auto" }, label);
    const element = h("div", { class: "fixture", "data-kind": kind, role: "group" }, shape, name, state, ...places);
    return { element, shape, state, places };
  }

  _show({ element, shape, state, places }, { id, label, kind, power, problem }, sure, pending) {
    const { words } = this;
    const condition = !sure || (power === null && !problem) ? "unknown" : problem ? "problem" : power;
    const quiet = kind === "ptz" && condition === "on"; // its places say that it can be turned
    put(element, "data-state", condition);
    put(element, "aria-label", label);
    icon_in(shape, condition === "problem" ? "warning" : condition === "on" ? "check" : "ready", icon);
    say(state, quiet ? "" : words.t(`fixture.${condition}`));
    for (const button of places) put(button, "aria-busy", pending.has(`turn ${id}`) ? "true" : null);
  }
}
