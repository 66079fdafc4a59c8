import { h, put, say } from "./dom.js";
import { ring } from "./icons.js";

const HOLD = 1_000; // ms; the ring's time in controls.css is the token --hold
const SECOND_TAP = { pointer: 4_000, keys: 10_000 }; // keys and switches are slower than a finger
const TREMBLE = 700; // a tap this soon after the button appeared was meant for what stood here before

/** @typedef {{ label: string, idle: string, holding: string, armed: string }} Hints */

/**
 * <stop-button>: stops only what someone wants stopped: held for a second while a ring fills, or touched twice within
 * four seconds, or pressed twice by key or switch. Sends `stop`, and `armed` when one more press will stop.
 */
export class StopButton extends HTMLElement {
  label = h("span", { class: "button-label" });
  hint = h("span", { class: "button-hint", id: "stop-hint" });
  button = h(
    "button",
    {
      class: "button primary stop",
      type: "button",
      "aria-describedby": "stop-hint",
      onpointerdown: (event) => this._down(event),
      onpointerup: (event) => this._up(event),
      onpointercancel: () => this._let_go(),
      onpointerleave: () => this._let_go(),
      onkeydown: (event) => this._key(event),
      onclick: (event) => this._click(event),
      oncontextmenu: (event) => event.preventDefault(),
    },
    ring(),
    h("span", { class: "button-words" }, this.label, this.hint),
  );
  since = -Infinity;
  /** @type {number | undefined} */
  holding;
  /** @type {number | undefined} */
  armed;
  /** @type {Hints | undefined} */
  words;

  connectedCallback() {
    if (!this.button.isConnected) this.append(this.button);
  }

  /**
   * @param {Hints} words
   * @param {{ busy: boolean }} so busy: the room is stopping
   */
  show(words, { busy }) {
    this.words = busy ? { ...words, idle: "" } : words;
    put(this.button, "aria-busy", busy ? "true" : null);
    say(this.label, words.label);
    this._hint();
  }

  /** The button comes into view now. */
  appear() {
    this.since = performance.now();
    this._disarm();
  }

  _hint() {
    const state = this.button.dataset.holding !== undefined ? "holding" : this.armed ? "armed" : "idle";
    if (this.words) say(this.hint, this.words[state]);
  }

  /** @param {PointerEvent} event */
  _down(event) {
    if (event.button !== 0 || performance.now() - this.since < TREMBLE) return;
    put(this.button, "data-holding", true);
    this.holding = setTimeout(() => this._stop(), HOLD);
    this._hint();
  }

  /** @param {PointerEvent} event */
  _up(event) {
    const held = this.holding;
    this._let_go();
    if (held && event.button === 0) this._press(SECOND_TAP.pointer);
  }

  /** The finger slid off, or the system took it away: nothing was meant. */
  _let_go() {
    clearTimeout(this.holding);
    this.holding = undefined;
    put(this.button, "data-holding", false);
    this._hint();
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.repeat) event.preventDefault(); // a key held down is one press
  }

  /** Clicks that no pointer made: keys, switches, screen readers. */
  /** @param {MouseEvent} event */
  _click(event) {
    if (event.detail === 0 && performance.now() - this.since >= TREMBLE) this._press(SECOND_TAP.keys);
  }

  /** @param {number} patience */
  _press(patience) {
    if (this.armed) {
      this._stop();
      return;
    }
    this.armed = setTimeout(() => this._disarm(), patience);
    put(this.button, "data-armed", true);
    this._hint();
    this.dispatchEvent(new Event("armed"));
  }

  _disarm() {
    clearTimeout(this.armed);
    this.armed = undefined;
    put(this.button, "data-armed", false);
    this._hint();
  }

  _stop() {
    this._let_go();
    this._disarm();
    this.dispatchEvent(new Event("stop"));
  }
}

customElements.define("stop-button", StopButton);
