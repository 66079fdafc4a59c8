// The bar under the picture: what its buttons do, and what they show.

import { recall, remember } from "./memory.js";

const JUMP = 10; // seconds of the two buttons
const SVG = "http://www.w3.org/2000/svg";
const IDLE = 3000; // milliseconds without a touch after which the bar leaves a full screen

/** 4:07, 1:02:03. @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export class Bar {
  #dragging = false;
  #idle = 0;

  /** @param {HTMLElement} stage @param {import("./pictures.js").Pictures} pictures
   * @param {number} length seconds, as the lesson says; 0 when it does not */
  constructor(stage, pictures, length) {
    this.stage = stage;
    this.pictures = pictures;
    this.told = length;
    const find = (id) => stage.querySelector(`#${id}`);
    this.knobs = Object.fromEntries(
      [
        ...["play", "back", "ahead", "mute", "volume", "layout", "swap", "help", "large"],
        ...["speed", "spoken", "place", "now", "length"],
      ].map((id) => [id, find(id)]),
    );
    this.screen = stage.querySelector(".screen");
    this.caption = stage.querySelector(".captions");
    this.tracks = [...pictures.master.querySelectorAll("track")];
    this.#wire();
    this.#recall();
    pictures.master.controls = false;
    stage.classList.add("scripted");
    stage.querySelector(".bar").hidden = false;
    pictures.addEventListener("change", () => this.show());
    pictures.addEventListener("time", () => this.tick());
    this.show();
  }

  get length() {
    return this.pictures.length || this.told;
  }

  #wire() {
    const { play, back, ahead, mute, volume, layout, swap, help, large, speed, spoken, place } = this.knobs;
    const { pictures } = this;
    const picked = (knob, deed) => knob?.addEventListener("click", deed);
    picked(play, () => this.toggle());
    picked(back, () => this.jump(-JUMP));
    picked(ahead, () => this.jump(JUMP));
    picked(mute, () => this.mute());
    picked(layout, () => this.arrange());
    picked(swap, () => this.swap());
    picked(help, () => this.help());
    picked(large, () => this.enlarge());
    volume.addEventListener("input", () => this.louder(Number(volume.value) - pictures.master.volume));
    speed.addEventListener("change", () => this.hasten(Number(speed.value)));
    if (spoken?.tagName === "SELECT") spoken.addEventListener("change", () => this.speak(spoken.value));
    else picked(spoken, () => this.captions());
    place.addEventListener("input", () => {
      this.#dragging = true;
      this.#write(Number(place.value));
    });
    place.addEventListener("change", () => {
      this.#dragging = false;
      pictures.seek(Number(place.value));
    });
    pictures.master.addEventListener("click", () => (this.#small(pictures.master) ? this.swap() : this.toggle()));
    pictures.second.addEventListener("click", () => (this.#small(pictures.second) ? this.swap() : this.toggle()));
    for (const track of this.tracks) track.track.addEventListener("cuechange", () => this.#subtitle(track.track));
    document.addEventListener("fullscreenchange", () => this.show());
    for (const kind of ["pointermove", "pointerdown", "keydown"]) this.stage.addEventListener(kind, () => this.#wake());
  }

  #recall() {
    this.hasten(Number(recall("speed") ?? 1));
    const volume = recall("volume");
    if (typeof volume === "number") this.pictures.master.volume = Math.min(1, Math.max(0, volume));
    this.arrange(recall("layout") === "inset" ? "inset" : "beside");
    for (const track of this.tracks) track.track.mode = "disabled";
    const language = recall("captions") ?? "";
    this.speak(this.tracks.some((track) => track.srclang === language) ? language : "");
  }

  // -- deeds, which keys do too

  toggle() {
    if (this.pictures.playing) this.pictures.pause();
    else this.pictures.play();
  }

  /** @param {number} seconds */
  jump(seconds) {
    this.pictures.seek(this.pictures.time + seconds);
  }

  mute() {
    this.pictures.master.muted = !this.pictures.master.muted;
  }

  /** @param {number} more */
  louder(more) {
    const { master } = this.pictures;
    master.muted = false;
    master.volume = Math.min(1, Math.max(0, Math.round((master.volume + more) * 100) / 100));
    remember("volume", master.volume);
  }

  /** @param {number} rate one that can be chosen */
  hasten(rate) {
    const { speed } = this.knobs;
    if (![...speed.options].some((option) => Number(option.value) === rate)) return;
    this.pictures.rate = rate;
    speed.value = String(rate);
    remember("speed", rate);
  }

  /** @param {number} steps */
  faster(steps) {
    const { speed } = this.knobs;
    const option = speed.options[speed.selectedIndex + steps];
    if (option) this.hasten(Number(option.value));
  }

  /** @param {string} [layout] beside or inset; the other one when it is left out */
  arrange(layout = this.stage.dataset.layout === "inset" ? "beside" : "inset") {
    this.stage.dataset.layout = layout;
    this.knobs.layout.setAttribute("aria-label", this.knobs.layout.dataset[layout]);
    remember("layout", layout);
  }

  swap() {
    if (this.pictures.second.hidden) return;
    this.stage.classList.toggle("swapped");
  }

  captions() {
    const { spoken } = this.knobs;
    if (!spoken) return;
    const first = recall("language") ?? this.tracks[0].srclang;
    this.speak(this.spoken ? "" : this.tracks.some((track) => track.srclang === first) ? first : this.tracks[0].srclang);
  }

  /** @param {string} language of the captions; empty for none */
  speak(language) {
    this.spoken = language;
    for (const track of this.tracks) track.track.mode = track.srclang === language ? "hidden" : "disabled";
    this.caption.hidden = !language;
    this.caption.lang = language;
    this.caption.replaceChildren();
    remember("captions", language);
    if (language) remember("language", language);
    const { spoken } = this.knobs;
    if (spoken?.tagName === "SELECT") spoken.value = language;
    else spoken?.setAttribute("aria-pressed", String(Boolean(language)));
  }

  #subtitle(track) {
    if (track.mode !== "hidden") return;
    const lines = [...(track.activeCues ?? [])].map((cue) => {
      const line = document.createElement("span");
      line.dir = "auto";
      line.append(cue.getCueAsHTML());
      return line;
    });
    this.caption.replaceChildren(...lines);
  }

  async enlarge() {
    const { master } = this.pictures;
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (this.stage.requestFullscreen) await this.stage.requestFullscreen();
    else master.webkitEnterFullscreen?.(); // an iPhone enlarges films only
  }

  help() {
    const keys = this.stage.querySelector("#keys");
    if (keys.open) keys.close();
    else keys.showModal();
  }

  // -- what it shows

  show() {
    const { play, mute, volume, large, layout, swap, place, length } = this.knobs;
    const { pictures } = this;
    this.stage.classList.toggle("playing", pictures.playing);
    this.stage.classList.toggle("two", !pictures.second.hidden);
    play.setAttribute("aria-label", pictures.playing ? play.dataset.playing : play.dataset.paused);
    mute.setAttribute("aria-pressed", String(pictures.master.muted));
    volume.value = String(pictures.master.muted ? 0 : pictures.master.volume);
    large.setAttribute("aria-pressed", String(document.fullscreenElement === this.stage));
    layout.hidden = swap.hidden = pictures.second.hidden;
    place.max = String(this.length || 1);
    length.textContent = clock(this.length);
    for (const knob of this.stage.querySelectorAll(".knob")) knob.title = knob.getAttribute("aria-label");
    this.#loaded();
    this.tick();
    this.#wake();
  }

  tick() {
    if (!this.#dragging) this.#write(this.pictures.time);
  }

  #write(at) {
    const { place, now } = this.knobs;
    if (!this.#dragging) place.value = String(at);
    const said = clock(at);
    if (now.textContent !== said) {
      now.textContent = said;
      place.setAttribute("aria-valuetext", `${said} / ${clock(this.length)}`);
    }
    this.stage.querySelector(".played").setAttribute("width", String(this.#part(at)));
  }

  #part(at) {
    return this.length ? Math.min(100, Math.max(0, (100 * at) / this.length)) : 0;
  }

  #loaded() {
    const { buffered } = this.pictures.master;
    const boxes = [];
    for (let n = 0; n < buffered.length; n += 1) boxes.push(this.#box("rect", buffered.start(n), buffered.end(n)));
    this.stage.querySelector(".loaded").replaceChildren(...boxes);
  }

  #box(kind, from, to) {
    const box = document.createElementNS(SVG, "rect");
    box.setAttribute("class", kind);
    box.setAttribute("x", String(this.#part(from)));
    box.setAttribute("width", String(Math.max(0.15, this.#part(to) - this.#part(from))));
    box.setAttribute("height", "10");
    return box;
  }

  /** Signs on the bar. @param {{kind: string, at: number, seconds: number}[]} signs */
  sign(signs) {
    const boxes = signs.map(({ kind, at, seconds }) => this.#box(kind, at, at + seconds));
    this.stage.querySelector(".signs").replaceChildren(...boxes);
  }

  /** Whether a picture is the little one in the corner. */
  #small(video) {
    if (this.pictures.second.hidden || this.stage.dataset.layout !== "inset") return false;
    return (video === this.pictures.second) !== this.stage.classList.contains("swapped");
  }

  #wake() {
    clearTimeout(this.#idle);
    this.stage.classList.remove("idle");
    if (document.fullscreenElement === this.stage && this.pictures.playing)
      this.#idle = setTimeout(() => this.stage.classList.add("idle"), IDLE);
  }
}
