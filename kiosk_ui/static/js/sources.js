import { h, icon_in, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { name_of, silence } from "./sentences.js";
import { LevelMeter } from "./level-meter.js";
import { SourcePicture } from "./source-picture.js";

/**
 * @import { Shape } from "./icons.js"
 * @import { Words } from "./words.js"
 */

const LIVING = 4; // a browser keeps six connections to one server; two are left for taps and statuses
/** @type {Record<string, Shape>} */
const SHAPES = { recording: "record", stalled: "warning", lost: "error", idle: "ready", starting: "ready" };

/** The row of living pictures and level meters: what will be recorded, nothing else. */
export class Sources {
  /** @type {Map<string, Camera | Microphone>} */
  tiles = new Map();
  wanted = "";
  /** @type {boolean | undefined} */
  was_busy;
  /** @type {boolean | undefined} */
  was_sure;
  row = h("div", { class: "tiles" });

  /** @param {Words} words */
  constructor(words) {
    this.words = words;
    this.element = h("section", { class: "sources", "aria-label": words.t("sources") }, this.row);
  }

  /**
   * @param {StatusView} status
   * @param {boolean} sure the status is fresh, so that what it says of the sources may be shown as so
   */
  show(status, sure) {
    const { sources } = status;
    this._match(sources);
    for (const source of sources) this.tiles.get(source.id)?.show(source, sure);
    const busy = status.lesson !== null;
    if (this.was_busy !== undefined && this.was_busy !== busy) this._again();
    if (sure && this.was_sure === false) this._again();
    this.was_busy = busy;
    this.was_sure = sure;
  }

  /** @param {Record<string, [number, number]>} levels dB of full scale by source: rms, peak */
  hear(levels) {
    for (const [id, [rms, peak]] of Object.entries(levels)) this.tiles.get(id)?.hear(rms, peak);
  }

  /**
   * Nothing is fetched for pictures that something covers.
   * @param {boolean} covered
   */
  rest(covered) {
    if (covered === (this.row.parentNode === null)) return;
    if (covered) this.row.remove();
    else this.element.append(this.row);
  }

  _again() {
    for (const tile of this.tiles.values()) tile.again();
  }

  /** @param {SourceView[]} sources */
  _match(sources) {
    const wanted = sources.map(({ id, media }) => `${media} ${id}`).join("\n");
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    const cameras = sources.filter(({ media }) => media === "video").map(({ id }) => id);
    this.tiles = new Map();
    for (const { id, media } of sources) {
      const living = cameras.indexOf(id) < LIVING;
      this.tiles.set(id, media === "video" ? new Camera(this.words, id, living) : new Microphone(this.words));
    }
    this.row.replaceChildren(...[...this.tiles.values()].map((tile) => tile.element));
  }
}

class Tile {
  shape = h("span", { class: "shape" });
  name = h("span", { class: "source-name", dir: "auto" });
  state = h("span", { class: "source-state" });

  /**
   * @param {Words} words
   * @param {string} kind
   * @param {...Node} parts
   */
  constructor(words, kind, ...parts) {
    this.words = words;
    this.element = h(
      "figure",
      { class: `tile ${kind}` },
      ...parts,
      h("figcaption", {}, this.shape, h("span", { class: "source-words" }, this.name, this.state)),
    );
  }

  /**
   * @param {SourceView} source
   * @param {boolean} sure
   * @returns {string} the state that is shown
   */
  show(source, sure) {
    const state = sure ? source.state : "unknown";
    const shape = SHAPES[state] ?? "warning";
    put(this.element, "data-state", state);
    say(this.name, name_of(this.words, source));
    icon_in(this.shape, shape, icon);
    return state;
  }

  /** A recording has begun or ended: pictures come from elsewhere. */
  again() {}

  /**
   * @param {number} _rms
   * @param {number} _peak
   */
  hear(_rms, _peak) {}
}

class Camera extends Tile {
  /**
   * @param {Words} words
   * @param {string} source
   * @param {boolean} living
   */
  constructor(words, source, living) {
    const picture = new SourcePicture();
    picture.dataset.source = source;
    picture.living = living;
    super(words, "camera", picture);
    this.picture = picture;
  }

  /**
   * @override
   * @param {SourceView} source
   * @param {boolean} sure
   */
  show(source, sure) {
    const state = super.show(source, sure);
    say(this.state, this.words.t(`state.${state}`));
    this.picture.show(name_of(this.words, source), sure ? silence(this.words, source) : this.words.t("video.unknown"));
    return state;
  }

  /** @override */
  again() {
    this.picture.again();
  }
}

class Microphone extends Tile {
  /** @param {Words} words */
  constructor(words) {
    const meter = new LevelMeter();
    const sound = h("p", { class: "sound" });
    super(words, "microphone", h("div", { class: "ear" }, icon("microphone"), meter, sound));
    this.meter = meter;
    this.sound = sound;
  }

  /**
   * @override
   * @param {SourceView} source
   * @param {boolean} sure
   */
  show(source, sure) {
    const state = super.show(source, sure);
    say(this.state, this.words.t(`state.${sure && source.heard ? "heard" : state}`));
    const broken = sure && (state === "lost" || state === "stalled");
    const word = broken ? silence(this.words, source) : this.words.t(`sound.${sure ? this.meter.verdict : "none"}`);
    say(this.sound, word);
    put(this.meter, "aria-label", name_of(this.words, source));
    this.meter.say(word);
    return state;
  }

  /**
   * @override
   * @param {number} rms
   * @param {number} peak
   */
  hear(rms, peak) {
    this.meter.hear(rms, peak);
  }
}
