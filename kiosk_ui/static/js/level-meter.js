import { h, put } from "./dom.js";

const FLOOR = -60; // dBFS, the left end of the bar
const SILENT = -54;
const QUIET = -38;
const LOUD = -1;
const KEEP = 2_500; // ms that the loudest is remembered, so that the word does not flicker between syllables
const DEAF_AFTER = 2_000;

/** @typedef {{ at: number, rms: number, peak: number }} Level performance.now(), and dB of full scale */

/**
 * What the last levels mean: none (no figures at all) · silent · quiet · good · loud
 * @param {Level[]} levels
 */
export function verdict(levels) {
  if (!levels.length) return "none";
  if (Math.max(...levels.map(({ peak }) => peak)) > LOUD) return "loud";
  const rms = Math.max(...levels.map(({ rms }) => rms));
  if (rms < SILENT) return "silent";
  return rms < QUIET ? "quiet" : "good";
}

/** <level-meter>: how loud a microphone is, as a bar and in a word. */
export class LevelMeter extends HTMLElement {
  bar = h("div", { class: "meter-bar" });
  peak = h("div", { class: "meter-peak" });
  /** @type {Level[]} */
  heard = [];

  connectedCallback() {
    if (!this.bar.isConnected) this.append(h("div", { class: "meter-scale" }, this.bar), this.peak);
    put(this, "role", "meter");
    put(this, "aria-valuemin", FLOOR);
    put(this, "aria-valuemax", 0);
    this.clock = setInterval(() => this._forget(), 500);
  }

  disconnectedCallback() {
    clearInterval(this.clock);
  }

  /**
   * Some ten times a second. In dBFS.
   * @param {number} rms
   * @param {number} peak
   */
  hear(rms, peak) {
    const now = performance.now();
    this.heard = [...this.heard.filter(({ at }) => now - at < KEEP), { at: now, rms, peak }];
    this._draw(rms, Math.max(...this.heard.filter(({ at }) => now - at < 1_000).map((level) => level.peak)));
  }

  /**
   * The word for a screen reader; the caller shows it to the eye as well.
   * @param {string} word
   */
  say(word) {
    put(this, "aria-valuenow", Math.round(this.heard.at(-1)?.rms ?? FLOOR));
    put(this, "aria-valuetext", word);
  }

  get verdict() {
    return verdict(this.heard);
  }

  _forget() {
    const now = performance.now();
    const last = this.heard.at(-1);
    if (last && now - last.at > DEAF_AFTER) {
      this.heard = [];
      this._draw(FLOOR, FLOOR);
    }
  }

  /**
   * @param {number} rms
   * @param {number} peak
   */
  _draw(rms, peak) {
    // Neither moves the layout, ten times a second: one is cut off, the other is drawn elsewhere.
    const share = (/** @type {number} */ db) => `${(100 * Math.min(1, Math.max(0, 1 - db / FLOOR))).toFixed(1)}%`;
    this.bar.style.setProperty("--share", share(rms));
    this.peak.style.setProperty("--share", share(peak));
    this.peak.hidden = peak <= FLOOR;
  }
}

customElements.define("level-meter", LevelMeter);
