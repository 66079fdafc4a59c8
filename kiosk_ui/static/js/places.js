import { h, put, say } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @import { Try } from "./display.js"
 * @import { Room } from "./room.js"
 * @import { Words } from "./words.js"
 */

const NAMED = new Set(["board", "lectern", "class"]); // which have a word of their own in every language

/**
 * What a place of a camera is called.
 * @param {Words} words
 * @param {string} place
 */
export function place_name(words, place) {
  return NAMED.has(place) ? words.t(`place.${place}`) : place;
}

/** The places of a camera that turns, each by the picture that was taken when somebody made it that place. */
export class Places {
  /** @type {Map<string, { button: HTMLButtonElement, picture: HTMLElement }>} */
  places = new Map();
  changing = false;
  sentence = h("p", { class: "places-sentence" });

  /**
   * @param {Words} words
   * @param {Room} room
   * @param {FixtureView} fixture
   * @param {Try} attempt
   */
  constructor(words, room, { id, label, presets }, attempt) {
    this.words = words;
    this.room = room;
    this.id = id;
    this.label = label;
    this.attempt = attempt;
    this.change = h("button", { type: "button", class: "option", onclick: () => this._change(!this.changing) });
    const row = h("div", { class: "places" });
    for (const place of presets) {
      const picture = h("span", { class: "place-picture" });
      const button = h("button", { type: "button", class: "place-button" }, picture);
      button.append(h("span", { class: "place-name", dir: "auto" }, place_name(words, place)));
      button.addEventListener("click", () => this._touched(place));
      this.places.set(place, { button, picture });
      row.append(button);
    }
    this.element = h("div", { class: "display" }, row, h("div", { class: "places-foot" }, this.change, this.sentence));
    this._change(false);
  }

  /**
   * @param {FixtureView} fixture
   * @param {boolean} sure the status is fresh
   */
  show({ pictures, telling }, sure) {
    for (const [place, { button, picture }] of this.places) {
      put(button, "aria-busy", telling ? "true" : null);
      put(button, "aria-disabled", sure ? null : "true");
      const version = pictures[place] ?? "";
      if (picture.dataset.version === version) continue;
      picture.dataset.version = version;
      picture.replaceChildren(version ? this._picture(place, version) : icon("camera"));
    }
  }

  /**
   * @param {string} place
   * @param {string} version
   */
  _picture(place, version) {
    const query = new URLSearchParams({ preset: place, v: version });
    const src = this.room.address(`api/v1/devices/${encodeURIComponent(this.id)}/place.jpg?${query}`).href;
    return h("img", { src, alt: "", draggable: "false" });
  }

  /** @param {boolean} changing whether the next touch makes a place, and does not turn to it */
  _change(changing) {
    const { words } = this;
    this.changing = changing;
    put(this.element, "data-changing", changing);
    say(this.change, words.t(changing ? "places.leave" : "places.change"));
    say(this.sentence, changing ? words.t("places.which") : "");
    for (const [place, { button }] of this.places) {
      const values = { source: this.label, place: place_name(words, place) };
      put(button, "aria-label", words.t(changing ? "place.keep" : "place.turn", values));
    }
  }

  /** @param {string} place */
  async _touched(place) {
    if (!this.changing) {
      await this.attempt(() => this.room.turn(this.id, place));
      return;
    }
    this._change(false);
    await this.attempt(() => this.room.keep_place(this.id, place));
  }
}
