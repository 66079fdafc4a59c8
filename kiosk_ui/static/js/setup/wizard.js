import { Button } from "../button.js";
import { h, put, say } from "../dom.js";
import { icon } from "../icons.js";
import { Refused } from "../room.js";
import { first } from "../sentences.js";
import { DevicesStep } from "./devices.js";
import { LanguageStep, NameStep, PinStep, ServerStep, SummaryStep } from "./steps.js";

/**
 * @import { Shape } from "../icons.js"
 * @import { Room } from "../room.js"
 * @import { Words } from "../words.js"
 */

/**
 * One step: what stands on it, and what has to happen before the next one. `next` answers whether it may come.
 * @typedef {object} Step
 * @property {string} name of its sentences
 * @property {Element} element
 * @property {(state: SetupView) => void} show called when it comes, and after each answer of the room
 * @property {() => Promise<boolean>} next
 * @property {(levels: Record<string, [number, number]>) => void} [hear]
 * @property {() => void} [leave]
 */

const PATIENCE = 15_000; // ms

/** Sets a room up, step by step. Start stays in reach on every step; each step is kept by the room when it is done. */
export class Wizard {
  at = 0;
  ended = false;
  /** @type {SetupView | null} */
  state = null;
  heading = h("h3", { tabindex: "-1" });
  hint = h("p", { class: "setup-hint" });
  count = h("p", { class: "setup-count" });
  said_shape = h("span", { class: "shape" }, icon("warning"));
  said_words = h("span");
  said = h("p", { class: "setup-said", role: "alert", hidden: true }, this.said_shape, this.said_words);
  place = h("div", { class: "setup-step" });

  /**
   * @param {Room} room
   * @param {Words} words with the sentences of this page
   * @param {object} more
   * @param {(language: string) => void} more.choose called with a language
   * @param {() => void} more.start begins a lesson
   * @param {() => void} more.asks called when the PIN of technicians is needed again
   * @param {(shape: Shape, text: string) => void} more.told called with a sentence for everybody
   * @param {() => void} more.over called when it has closed
   */
  constructor(room, words, { choose, start, asks, told, over }) {
    this.room = room;
    this.words = words;
    this.choose = choose;
    this.asks = asks;
    this.told = told;
    this.over = over;
    /** @type {Step[]} */
    this.steps = [
      new LanguageStep(this),
      new NameStep(this),
      new DevicesStep(this),
      new ServerStep(this),
      new PinStep(this),
      new SummaryStep(this),
    ];
    const record = new Button("setup-start", "record", () => start());
    say(record.label, words.t("setup.start"));
    const later = h("button", { type: "button", class: "button", onclick: () => this.close() }, words.t("setup.later"));
    const title = h("h2", { id: "setup-title" }, words.t("setup"));
    const head = h("header", { class: "setup-head" }, h("div", {}, title, this.count), record.element, later);
    this.back = h("button", { type: "button", class: "button", onclick: () => this._go(this.at - 1) }, words.t("setup.back"));
    this.forward = h("button", { type: "button", class: "button start", onclick: () => this.next() });
    const foot = h("footer", { class: "setup-foot" }, this.back, this.forward);
    const body = h("div", { class: "setup-body" }, this.heading, this.hint, this.said, this.place);
    this.element = h("dialog", { class: "setup", "aria-labelledby": "setup-title" }, head, body, foot);
    this.element.addEventListener("close", () => this._closed());
  }

  async open() {
    await this._dress();
    if (this.ended) return;
    this.element.showModal();
    const state = await this.ask("");
    if (!state) return;
    this.state = state;
    this._go(unfinished(state));
  }

  close() {
    if (this.element.open) this.element.close();
    else this._closed();
  }

  /** The page goes on in another language, and so does the session. */
  end() {
    this.ended = true;
    this.steps[this.at].leave?.();
    this.element.remove();
  }

  /** @param {Record<string, [number, number]>} levels */
  hear(levels) {
    this.steps[this.at].hear?.(levels);
  }

  // -- for the steps

  /**
   * @param {string} path
   * @param {object | null} [body]
   * @param {number} [patience] ms
   * @returns {Promise<any>} the answer, or null: then it was said why
   */
  async ask(path, body = null, patience = PATIENCE) {
    this.complain("");
    try {
      return await this.room.behind(`setup${path}`, body, patience);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === "not-signed-in") {
        this.close();
        this.asks();
      } else {
        this.complain(unset(this.words, error));
      }
      return null;
    }
  }

  /** @param {string} text */
  complain(text) {
    say(this.said_words, text);
    put(this.said, "hidden", !text);
    if (text) this.said.scrollIntoView({ block: "nearest" });
  }

  /**
   * Keep what was chosen; whether the room has it.
   * @param {object} choice
   */
  async keep(choice) {
    const state = await this.ask("/choose", choice);
    if (state) this.state = state;
    return state !== null;
  }

  async next() {
    if (this.forward.ariaBusy === "true") return;
    put(this.forward, "aria-busy", "true");
    const done = await this.steps[this.at].next();
    put(this.forward, "aria-busy", null);
    if (done && this.element.open) this._go(this.at + 1);
  }

  /** The step that is on shows what the room says now. */
  again() {
    if (this.state) this.steps[this.at].show(this.state);
  }

  // -- within

  /** Its style sheet comes with it. */
  _dress() {
    const href = new URL("../../setup.css", import.meta.url).href;
    if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
    const sheet = h("link", { rel: "stylesheet", href });
    const loaded = new Promise((resolve, reject) => {
      sheet.addEventListener("load", resolve);
      sheet.addEventListener("error", () => reject(new TypeError("setup.css")));
    });
    document.head.append(sheet);
    return loaded;
  }

  /** @param {number} at */
  _go(at) {
    if (at < 0 || at >= this.steps.length || !this.state) return;
    this.steps[this.at].leave?.();
    this.at = at;
    const { words } = this;
    const step = this.steps[at];
    say(this.count, words.t("setup.step", { at: at + 1, of: this.steps.length }));
    say(this.heading, words.t(`setup.${step.name}`));
    say(this.hint, words.t(`setup.${step.name}.hint`));
    this.complain("");
    put(this.element, "data-step", step.name);
    put(this.back, "disabled", at === 0);
    put(this.forward, "hidden", step.name === "language");
    say(this.forward, words.t(step.name === "summary" ? "setup.write" : "setup.next"));
    this.place.replaceChildren(step.element);
    step.show(this.state);
    this.heading.focus({ preventScroll: true });
    this.place.parentElement?.scrollTo(0, 0);
  }

  _closed() {
    if (this.ended) return;
    this.end();
    this.over();
    this._leave();
  }

  /** No device stays open for nobody, and no session either. */
  async _leave() {
    try {
      await this.room.behind("setup/leave", {});
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // it ends by itself
    }
    if (this.room.session) await this.room.leave_it();
  }
}

/**
 * The first step of which the room knows nothing yet.
 * @param {SetupView} state
 */
function unfinished({ language, name, devices, server, later, pin }) {
  const done = [language !== null, name !== null, Boolean(devices?.length), server !== null || later, pin];
  const at = done.indexOf(false);
  return at < 0 ? done.length : at;
}

/**
 * Why the room did not take what was chosen.
 * @param {Words} words
 * @param {Refused} refused
 */
function unset(words, { code, facts }) {
  if (code === "join-refused") {
    return words.t(first(words, [`setup.join.${facts.problem}`, "setup.join.other"]), { code: facts.problem });
  }
  const problem = [`setup.trouble.${facts.problem}`, `problem.${facts.problem}`];
  const keys = [...(facts.problem ? problem : []), `setup.refused.${code}`, "setup.refused.other"];
  return words.t(first(words, keys), { ...facts, code, source: facts.label });
}
