import { Choice } from "./choice.js";
import { h, put, say } from "./dom.js";
import { icon } from "./icons.js";

/** @import { Room } from "./room.js" */
/** @import { Words } from "./words.js" */

const STEP = 5; // percent of a touch on louder or quieter
/** @type {("mute" | "freeze" | "blank")[]} */
const SWITCHES = ["mute", "blank", "freeze"];

/** @typedef {(order: () => Promise<void>) => Promise<void>} Try carries out an order, and says why it was refused */

/** A panel or projector on the sheet of the room: only what it can do, and only as it says of itself. */
export class Display {
  element = h("div", { class: "display" });
  /** @type {number | null} */
  wanted = null;
  volume = h("span", { class: "volume-now", "aria-live": "polite" });

  /**
   * @param {Words} words
   * @param {Room} room
   * @param {FixtureView} fixture
   * @param {Try} attempt
   */
  constructor(words, room, { id, label, can, inputs }, attempt) {
    this.words = words;
    this.room = room;
    this.id = id;
    this.attempt = attempt;
    const names = /** @type {[string, string][]} */ (inputs.map((input) => [input, input_name(input)]));
    const tell = (/** @type {Record<string, string>} */ wish) => attempt(() => room.order(id, wish));
    /** @type {["on" | "off", string][]} */
    const positions = [
      ["on", words.t("power.on")],
      ["off", words.t("power.off")],
    ];
    this.power = new Choice(label, positions, (power) => tell({ power }));
    this.inputs = new Choice(words.t("inputs", { source: label }), names, (input) => tell({ input }));
    this.switches = new Map(SWITCHES.filter((name) => can.includes(name)).map((name) => [name, this._switch(name)]));
    this.quieter = this._step("less", -STEP, words.t("volume.down"));
    this.louder = this._step("more", STEP, words.t("volume.up"));
    if (can.includes("power")) this.element.append(this.power.element);
    if (can.includes("input") && inputs.length) this.element.append(this.inputs.element);
    const row = h("div", { class: "choice" });
    if (can.includes("volume")) row.append(this.quieter, this.volume, this.louder);
    row.append(...this.switches.values());
    if (row.childElementCount) this.element.append(row);
  }

  /**
   * @param {FixtureView} fixture
   * @param {boolean} sure the status is fresh
   */
  show(fixture, sure) {
    this.fixture = sure ? fixture : null;
    const power = this.fixture?.power ?? null;
    const takes = sure && power !== "off" && power !== "cooling"; // a panel that is off takes nothing else
    this.power.show(power === "warming" ? "on" : power === "cooling" ? "off" : power, sure);
    this.inputs.show(takes ? fixture.input : null, takes);
    const volume = takes ? fixture.volume : null;
    say(this.volume, volume === null ? this.words.t("volume.unknown") : this.words.percents.format(volume / 100));
    for (const button of [this.quieter, this.louder]) put(button, "aria-disabled", volume === null ? "true" : null);
    for (const [name, button] of this.switches) {
      const on = takes ? fixture[name] : null;
      put(button, "aria-pressed", on === null ? "mixed" : String(on));
      put(button, "aria-disabled", takes ? null : "true");
    }
  }

  /** @param {"mute" | "freeze" | "blank"} name */
  _switch(name) {
    const button = h("button", { type: "button", class: "option" }, this.words.t(`switch.${name}`));
    button.addEventListener("click", () => {
      const on = this.fixture?.[name] === true;
      this.attempt(() => this.room.order(this.id, { [name]: on ? "off" : "on" }));
    });
    return button;
  }

  /**
   * @param {"less" | "more"} shape
   * @param {number} by
   * @param {string} label
   */
  _step(shape, by, label) {
    const button = h("button", { type: "button", class: "option", "aria-label": label }, icon(shape));
    button.addEventListener("click", () => this._louder(by));
    return button;
  }

  /**
   * Quick touches are added up, and told as one wish when the last one has been answered.
   * @param {number} by percent
   */
  async _louder(by) {
    const now = this.wanted ?? this.fixture?.volume;
    if (now === null || now === undefined) return;
    const waits = this.wanted !== null;
    this.wanted = Math.min(100, Math.max(0, now + by));
    if (waits) return;
    for (let told = -1; told !== this.wanted; ) {
      told = this.wanted;
      await this.attempt(() => this.room.order(this.id, { volume: told }));
    }
    this.wanted = null;
  }
}

/**
 * hdmi1 → HDMI 1, usbc → USB-C; names of other makers as they are.
 * @param {string} input
 */
function input_name(input) {
  if (input === "displayport") return "DisplayPort";
  if (input === "usbc") return "USB-C";
  const [, letters, number] = /^(hdmi|vga|dvi|ops|pc)(\d*)$/.exec(input) ?? [];
  return letters ? `${letters.toUpperCase()} ${number}`.trim() : input;
}
