import { h, put } from "./dom.js";
import { icon } from "./icons.js";
import { Words } from "./words.js";

/**
 * @import { Shape } from "./icons.js"
 * @import { Room } from "./room.js"
 * @import { Wizard } from "./setup/wizard.js"
 */

/**
 * Offers to set the room up, and opens what does it; that is fetched only then. It opens by itself once on each page of a
 * room that nobody has set up. `button` stands in the strip as long as nobody has, `element` is where the wizard is.
 */
export class Setup {
  element = h("div");
  /** @type {Wizard | null} */
  wizard = null;
  opening = false;
  ended = false;

  /**
   * @param {Room} room
   * @param {Words} words
   * @param {object} more
   * @param {(shape: Shape, text: string) => void} more.told called with a sentence for everybody
   * @param {(language: string) => void} more.choose called with a language
   * @param {() => void} more.start begins a lesson
   * @param {() => void} more.asks called when the PIN of technicians is needed again
   * @param {() => void} more.turned called when it has opened or closed
   * @param {Setup | null} more.before that of the panel in another language that this one replaces
   */
  constructor(room, words, { told, choose, start, asks, turned, before }) {
    this.room = room;
    this.words = words;
    this.told = told;
    this.hooks = { choose, start, asks };
    this.turned = turned;
    this.offered = before?.offered ?? false;
    this.goes_on = before?.is_open ?? false;
    const opens = { type: "button", class: "tool setup-tool", "aria-label": words.t("setup"), "aria-haspopup": "dialog" };
    this.button = h("button", { ...opens, hidden: true, onclick: () => this.open() }, icon("setup"));
  }

  get is_open() {
    return this.wizard !== null || this.opening;
  }

  /** The page has it now. */
  listen() {
    if (this.goes_on) this.open();
  }

  /** @param {StatusView} status */
  show(status) {
    put(this.button, "hidden", !status.first_boot);
    if (status.lesson) this.close(); // what is recorded is seen
    else if (status.first_boot && !this.offered) this.open();
  }

  /** @param {Record<string, [number, number]>} levels */
  hear(levels) {
    this.wizard?.hear(levels);
  }

  async open() {
    if (this.is_open) return;
    this.opening = true;
    this.offered = true;
    try {
      const language = Words.load(this.words.language, this.words.room_tag);
      const [{ Wizard }, words] = await Promise.all([import("./setup/wizard.js"), language]);
      if (this.ended || this.room.status.lesson) return;
      const wizard = new Wizard(this.room, words, { ...this.hooks, told: this.told, over: () => this._over() });
      this.wizard = wizard;
      this.element.append(wizard.element);
      await wizard.open();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the room PC did not answer
      this.told("error", this.words.t("refused.unreachable"));
    } finally {
      this.opening = false;
      this.turned();
    }
  }

  close() {
    this.wizard?.close();
  }

  _over() {
    this.wizard = null;
    this.turned();
  }

  /** The page goes on in another language. */
  end() {
    this.ended = true;
    this.wizard?.end();
  }
}
