import { h, put, say } from "./dom.js";
import { pictures } from "./multipart.js";

const STILL_AFTER = 2_000; // ms without a new picture until it is no longer called living
const ANEW_AFTER = 5_000; // ms without a new picture until the stream is given up for another
const PATIENCE = { first: 500, most: 5_000 };
const SNAPSHOT_EVERY = 2_000;
const AT_LAST = 200; // ms after the first picture of the page in which this one is asked for, however busy the page is

/**
 * <source-picture>: what one camera sees, as it moves. It asks again by itself, with growing patience, when the
 * stream ends, halts or is refused. `data-live` says whether the picture moves now; `living` asks for single
 * pictures instead when false: browsers keep at most six connections to one server, and a tap needs one.
 */
export class SourcePicture extends HTMLElement {
  canvas = h("canvas", { role: "img", width: 640, height: 360 });
  sentence = h("p", { class: "picture-sentence" });
  living = true;
  ended = new AbortController();
  wait = PATIENCE.first;
  /** @type {AbortController | undefined} */
  attempt;
  /** @type {number | undefined} */
  patience;
  /** @type {number | undefined} */
  still;

  connectedCallback() {
    if (!this.canvas.isConnected) this.append(this.canvas, this.sentence);
    this.ended = new AbortController();
    const { ended } = this;
    requestAnimationFrame(() => requestIdleCallback(() => this._run(ended), { timeout: AT_LAST })); // Start comes first
  }

  disconnectedCallback() {
    this.ended.abort();
  }

  /**
   * Called with each status.
   * @param {string} label the camera's name
   * @param {string} sentence to show while there is no living picture
   */
  show(label, sentence) {
    put(this.canvas, "aria-label", label);
    say(this.sentence, sentence);
  }

  /** Ask anew at once, e.g. when a recording has begun and the pictures come from another process. */
  again() {
    this.wait = PATIENCE.first;
    this.attempt?.abort();
  }

  /** @param {AbortController} ended */
  async _run(ended) {
    this.wait = PATIENCE.first;
    while (!ended.signal.aborted) {
      this.attempt = new AbortController();
      try {
        await (this.living ? this._stream(this.attempt) : this._snapshot(this.attempt));
      } catch (error) {
        // A refused, broken or ended stream, or a picture that is none: the sentence says so, and it is tried again.
        if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
      }
      clearTimeout(this.patience);
      await new Promise((resolve) => setTimeout(resolve, this.living ? this.wait : SNAPSHOT_EVERY));
      this.wait = Math.min(this.wait * 2, PATIENCE.most);
    }
  }

  /** @param {AbortController} attempt */
  async _stream(attempt) {
    const answer = await this._ask("preview.mjpeg", attempt);
    if (!answer.body) throw new TypeError("no pictures");
    for await (const picture of pictures(answer.body, answer.headers.get("Content-Type") ?? "")) {
      await this._draw(picture, attempt);
      this.wait = PATIENCE.first;
    }
  }

  /** @param {AbortController} attempt */
  async _snapshot(attempt) {
    const answer = await this._ask("snapshot.jpg", attempt);
    await this._draw(await answer.blob(), attempt);
  }

  /**
   * @param {string} what
   * @param {AbortController} attempt
   */
  async _ask(what, attempt) {
    this._expect(attempt);
    const end = AbortSignal.any([this.ended.signal, attempt.signal]);
    const answer = await fetch(`api/v1/sources/${encodeURIComponent(this.dataset.source ?? "")}/${what}`, {
      signal: end,
      cache: "no-store",
    });
    if (!answer.ok) throw new TypeError(`${what}: ${answer.status}`);
    return answer;
  }

  /**
   * @param {Blob} picture
   * @param {AbortController} attempt
   */
  async _draw(picture, attempt) {
    const bitmap = await createImageBitmap(picture);
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      Object.assign(this.canvas, { width: bitmap.width, height: bitmap.height });
    }
    this.canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    bitmap.close();
    put(this, "data-live", true);
    clearTimeout(this.still);
    this.still = setTimeout(() => put(this, "data-live", false), STILL_AFTER + (this.living ? 0 : SNAPSHOT_EVERY));
    this._expect(attempt);
  }

  /**
   * A stream that halts is given up, so that the next one may do better.
   * @param {AbortController} attempt
   */
  _expect(attempt) {
    clearTimeout(this.patience);
    this.patience = setTimeout(() => attempt.abort(), ANEW_AFTER);
  }
}

customElements.define("source-picture", SourcePicture);
