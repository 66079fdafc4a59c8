import { h, icon_in, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { name_of, silence } from "./sentences.js";
import "./level-meter.js";
import "./source-picture.js";

const LIVING = 4; // a browser keeps six connections to one server; two are left for taps and statuses
const SHAPES = { recording: "record", stalled: "warning", lost: "error", idle: "ready", starting: "ready" };

/** The row of living pictures and level meters: what will be recorded, nothing else. */
export class Sources {
  tiles = new Map();
  row = h("div", { class: "tiles" });

  constructor(words) {
    this.words = words;
    this.element = h("section", { class: "sources", "aria-label": words.t("sources") }, this.row);
  }

  /** sure: the status is fresh, so that what it says of the sources may be shown as so. */
  show(status, sure) {
    const { sources } = status;
    this._match(sources);
    for (const source of sources) this.tiles.get(source.id).show(source, sure);
    const busy = status.lesson !== null;
    if (this.was_busy !== undefined && this.was_busy !== busy) this._again();
    if (sure && this.was_sure === false) this._again();
    Object.assign(this, { was_busy: busy, was_sure: sure });
  }

  hear(levels) {
    for (const [id, [rms, peak]] of Object.entries(levels)) this.tiles.get(id)?.hear?.(rms, peak);
  }

  _again() {
    for (const tile of this.tiles.values()) tile.again?.();
  }

  _match(sources) {
    const wanted = sources.map(({ id, media }) => `${media} ${id}`).join("\n");
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    const cameras = sources.filter(({ media }) => media === "video").map(({ id }) => id);
    const tiles = sources.map((source) => [
      source.id,
      source.media === "video"
        ? new Camera(this.words, source, cameras.indexOf(source.id) < LIVING)
        : new Microphone(this.words, source),
    ]);
    this.tiles = new Map(tiles);
    this.row.replaceChildren(...tiles.map(([, tile]) => tile.element));
  }
}

class Tile {
  shape = h("span", { class: "shape" });
  name = h("span", { class: "source-name", dir: "auto" });
  state = h("span", { class: "source-state" });

  constructor(words, kind, ...parts) {
    this.words = words;
    this.element = h(
      "figure",
      { class: `tile ${kind}` },
      ...parts,
      h("figcaption", {}, this.shape, h("span", { class: "source-words" }, this.name, this.state)),
    );
  }

  show(source, sure) {
    const state = sure ? source.state : "unknown";
    const shape = SHAPES[state] ?? "warning";
    put(this.element, "data-state", state);
    say(this.name, name_of(this.words, source));
    icon_in(this.shape, shape, icon);
    return state;
  }
}

class Camera extends Tile {
  constructor(words, source, living) {
    const picture = document.createElement("source-picture");
    picture.dataset.source = source.id;
    picture.living = living;
    super(words, "camera", picture);
    this.picture = picture;
  }

  show(source, sure) {
    const state = super.show(source, sure);
    say(this.state, this.words.t(`state.${state}`));
    this.picture.show(name_of(this.words, source), sure ? silence(this.words, source) : this.words.t("video.unknown"));
  }

  again() {
    this.picture.again();
  }
}

class Microphone extends Tile {
  constructor(words) {
    const meter = document.createElement("level-meter");
    const sound = h("p", { class: "sound" });
    super(words, "microphone", h("div", { class: "ear" }, icon("microphone"), meter, sound));
    Object.assign(this, { meter, sound });
  }

  show(source, sure) {
    const state = super.show(source, sure);
    say(this.state, this.words.t(`state.${sure && source.heard ? "heard" : state}`));
    const broken = sure && (state === "lost" || state === "stalled");
    const word = broken ? silence(this.words, source) : this.words.t(`sound.${sure ? this.meter.verdict : "none"}`);
    say(this.sound, word);
    put(this.meter, "aria-label", name_of(this.words, source));
    this.meter.say(word);
  }

  hear(rms, peak) {
    this.meter.hear(rms, peak);
  }
}
