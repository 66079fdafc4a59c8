import { CardReader } from "./card-reader.js";
import { h, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { ItScreen } from "./it-screen.js";
import { PinPad } from "./pin-pad.js";
import { Refused } from "./room.js";
import { unopened } from "./sentences.js";

/**
 * @import { Shape } from "./icons.js"
 * @import { Room } from "./room.js"
 * @import { Title } from "./title.js"
 * @import { Words } from "./words.js"
 */

/** @typedef {{ pad: PinPad, leave: HTMLElement, other: HTMLElement, door: HTMLElement, it: ItScreen }} Furniture */

/**
 * The panel's doors: a teacher says who they are, by PIN or card, and the IT staff come to their screen. Nobody has to
 * pass one to record. `button` opens the page of it, `element` is that page.
 */
export class Desk {
  /** @type {"who" | "it" | "screen" | null} */
  view = null;
  /** @type {Furniture | null} */
  made = null;
  goes_over = false;
  heading = h("h2", { id: "desk-title" });
  hint = h("p", { class: "desk-hint" });

  /**
   * @param {Room} room
   * @param {Words} words
   * @param {object} more
   * @param {(shape: Shape, text: string) => void} more.told called with a sentence for everybody
   * @param {Title} more.title
   * @param {(language: string) => void} more.choose called with a language
   * @param {() => void} more.sets_up called when the room shall be set up, within the same session
   * @param {boolean} more.goes_on the desk in another language that this one replaces has handed over to it
   */
  constructor(room, words, { told, title, choose, goes_on, sets_up }) {
    this.room = room;
    this.words = words;
    this.told = told;
    const opens = { type: "button", class: "tool desk-tool", "aria-label": words.t("desk"), "aria-haspopup": "dialog" };
    this.button = h("button", { ...opens, onclick: () => this.open() }, icon("person"));
    this.choose = choose;
    this.sets_up = sets_up;
    this.element = h("dialog", { class: "desk", "aria-labelledby": "desk-title" });
    this.element.addEventListener("close", () => this._closed());
    this.reader = new CardReader(() => keep(title), (card) => this._say({ card }));
    this.goes_on = goes_on;
  }

  /** @param {AbortSignal} signal until when cards are read */
  listen(signal) {
    this.reader.listen(signal);
    if (this.goes_on) this.open();
  }

  /** The same in another language takes over: whether somebody is in the technicians' screen, whose session goes on. */
  hand_over() {
    this.goes_over = this.element.open && this.room.session !== "";
    return this.goes_over;
  }

  open() {
    if (this.element.open) return;
    this.goes_over = false;
    this.made ??= this._furnish(); // before it opens, so that the focus finds something
    this.element.showModal();
    this._turn(this.room.session ? "screen" : this.room.status.who ? "who" : "it");
  }

  close() {
    if (this.element.open) this.element.close();
  }

  /** @param {StatusView} status */
  show(status) {
    put(this.button, "data-known", Boolean(status.who?.name));
    if (this.view === "who") this._show_who();
    this.made?.it.show(status);
  }

  /** @param {Record<string, [number, number]>} levels */
  hear(levels) {
    this.made?.it.hear(levels);
  }

  // -- what stands on it

  /** Made when somebody opens it, for few ever do. */
  get parts() {
    this.made ??= this._furnish();
    return this.made;
  }

  _furnish() {
    const { words } = this;
    const back = h("button", { type: "button", class: "button side desk-back" }, words.t("deliveries.back"));
    back.addEventListener("click", () => this.element.close());
    const pad = new PinPad(words);
    pad.addEventListener("pin", (event) => this._say({ pin: /** @type {CustomEvent} */ (event).detail }));
    const leave = this._choice("who.leave", () => this._leave());
    const other = this._choice("desk.it", () => this._turn("it"));
    const door = h("div", { class: "desk-door" }, this.hint, pad, h("div", { class: "desk-more" }, leave, other));
    const set_up = () => {
      this.goes_over = true;
      this.element.close();
      this.sets_up();
    };
    const over = () => this._turn("it", words.t("it.over"));
    const it = new ItScreen(this.room, words, { choose: this.choose, set_up, over });
    const head = h("header", { class: "desk-head" }, this.heading, back);
    this.element.append(head, h("div", { class: "desk-body", tabindex: "0" }, door, it.element));
    it.show(this.room.status);
    return { pad, leave, other, door, it };
  }

  /**
   * @param {string} key
   * @param {() => void} act
   */
  _choice(key, act) {
    return h("button", { type: "button", class: "button side", onclick: act }, this.words.t(key));
  }

  /**
   * @param {"who" | "it" | "screen"} view
   * @param {string} [said]
   */
  _turn(view, said = "") {
    const { words } = this;
    const { pad, leave, other, door, it } = this.parts;
    this.view = view;
    say(this.heading, words.t(view === "who" ? "who.title" : "it.title"));
    put(door, "hidden", view === "screen");
    put(it.element, "hidden", view !== "screen");
    put(other, "hidden", view !== "who");
    put(leave, "hidden", true);
    put(this.element, "data-view", view);
    if (view === "screen") {
      it.open();
      return;
    }
    if (view === "it") say(this.hint, words.t("it.hint"));
    else this._show_who();
    pad.again(said);
  }

  _show_who() {
    const name = this.room.status.who?.name;
    say(this.hint, name ? this.words.t("who.is", { name }) : this.words.t("who.hint"));
    put(this.parts.leave, "hidden", !name);
  }

  _closed() {
    this.parts.it.close();
    this.view = null;
    this.parts.pad.field.value = "";
    if (this.room.session && !this.goes_over) this.room.leave_it();
  }

  // -- what happens

  /** @param {{ pin?: string, card?: string }} said */
  async _say(said) {
    const at_it = this.view === "it" && said.pin !== undefined;
    try {
      if (at_it) await this.room.enter_it(said.pin ?? "");
      else await this.room.came(said);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this._refused(unopened(this.words, error, at_it ? "it" : said.card ? "card" : "who"));
      return;
    }
    if (at_it) {
      if (this.element.open) this._turn("screen");
      else this.room.leave_it(); // somebody has gone meanwhile
      return;
    }
    this.close();
    this.told("check", this.words.t("who.welcome", { name: this.room.status.who?.name ?? "" }));
  }

  /** @param {string} text */
  _refused(text) {
    if (this.element.open && this.view !== "screen") this.parts.pad.again(text);
    else this.told("error", text);
  }

  async _leave() {
    try {
      await this.room.left();
      this.close();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.parts.pad.again(unopened(this.words, error));
    }
  }
}

/**
 * What takes back what a reader types into the field that has the focus.
 * @param {Title} title
 */
function keep(title) {
  const field = document.activeElement;
  if (!(field instanceof HTMLInputElement)) return () => {};
  const { value } = field;
  const { own } = title;
  return () => {
    field.value = value;
    title.own = own;
  };
}
