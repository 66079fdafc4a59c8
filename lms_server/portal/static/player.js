// The player put together. Without this file the page has a browser's own, and every choice is a plain link.

import { recall, remember, Place } from "./memory.js";
import { Kept } from "./kept.js";
import { Pictures } from "./pictures.js";
import { Bar, clock } from "./bar.js";
import { listen } from "./keys.js";
import { lead, picture } from "./moments.js";
import { cut } from "./cutting.js";

const stage = document.getElementById("stage");
const facts = JSON.parse(stage.dataset.facts);
const told = JSON.parse(stage.dataset.told);
const KEEP = 2000; // milliseconds between two notes of the place
const PATIENCE = 700; // milliseconds without bytes before that is worth a word
const LEAST = 2; // seconds for which a gap is told, however short it is

const kept = new Kept(facts.parts);
const pictures = new Pictures(document.getElementById("player"), kept);
const bar = new Bar(stage, pictures, facts.length);
const place = new Place(facts.place, facts.length);
const line = stage.querySelector(".told");
const choices = [...document.querySelectorAll(".choices a")];
const qualities = [...document.querySelectorAll(".levels a")];
let view = facts.views[0];
let trouble = "";

// -- which files

/** Whether bytes are dear or slow here, as far as the browser says so. */
function sparing() {
  const link = navigator.connection;
  return Boolean(link?.saveData) || ["slow-2g", "2g", "3g"].includes(link?.effectiveType);
}

function first() {
  const asked = facts.views.find((each) => each.key === facts.asked);
  const level = recall("level") ?? (sparing() ? facts.views[0].level : "full");
  return asked ?? facts.views.find((each) => each.level === level) ?? facts.views.at(sparing() ? 0 : -1);
}

/** @param {typeof view} wanted @param {number} at seconds */
function show(wanted, at) {
  view = wanted;
  trouble = "";
  stage.querySelector(".screen").classList.toggle("heard", view.heard);
  stage.classList.remove("swapped");
  pictures.master.setAttribute("aria-label", told.names[view.key]);
  pictures.show(view.files, at);
  const here = choices.filter((choice) => choice.dataset.level === view.level);
  for (const choice of choices) {
    choice.hidden = here.length < 2 || choice.dataset.level !== view.level;
    choice.toggleAttribute("aria-current", choice.dataset.view === view.key);
  }
  for (const quality of qualities) quality.toggleAttribute("aria-current", quality.dataset.level === view.level);
  for (const chosen of document.querySelectorAll(".watch a[aria-current]")) chosen.setAttribute("aria-current", "true");
  signs();
}

/** @param {typeof view} wanted chosen by the reader */
function choose(wanted) {
  remember("level", wanted.level);
  show(wanted, pictures.time);
  const address = new URL(location.href);
  address.searchParams.set("source", wanted.key);
  address.searchParams.delete("t");
  history.replaceState(null, "", address);
}

for (const choice of [...choices, ...qualities]) {
  choice.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { view: key, level } = choice.dataset;
    choose(facts.views.find((each) => (key ? each.key === key : each.level === level)));
  });
}

// -- what is told about it

function concerns(gap) {
  return gap.heard || view.sources.some((source) => !source || source === gap.source);
}

function signs() {
  const cuts = kept.cut(bar.length).map((cut) => ({ kind: "cut", ...cut }));
  const gaps = facts.gaps.filter(concerns).map((gap) => ({ kind: "gap", ...gap }));
  const chapters = facts.chapters.map((at) => ({ kind: "chapter", at, seconds: 0 }));
  bar.sign([...cuts, ...gaps, ...chapters]);
}

let since = 0;
function tell() {
  if (!pictures.stalled) since = 0;
  else if (!since) {
    since = performance.now();
    setTimeout(tell, PATIENCE + 20);
  }
  const waits = since > 0 && performance.now() - since > PATIENCE;
  const at = pictures.time;
  const gap = facts.gaps.findIndex(
    (each) => concerns(each) && at >= each.at && at < each.at + Math.max(LEAST, each.seconds),
  );
  const sentence = trouble || (waits ? told.stalled : gap >= 0 ? told.gaps[gap] : "");
  if (line.textContent !== sentence) line.textContent = sentence;
  line.hidden = !sentence;
}

pictures.addEventListener("unseen", () => {
  const { error, readyState } = pictures.master;
  if (view.heard && !error) return;
  trouble = error?.code === MediaError.MEDIA_ERR_NETWORK || !navigator.onLine ? told.refused : told.unseen;
  if (!error && readyState === 0) trouble = "";
  tell();
});
pictures.addEventListener("alone", () => {
  trouble = told.alone;
  tell();
});
pictures.addEventListener("time", tell);
pictures.addEventListener("change", tell);
pictures.addEventListener("change", signs);

// -- the place

let noted = 0;
pictures.addEventListener("time", () => {
  if (!pictures.playing || performance.now() - noted < KEEP) return;
  noted = performance.now();
  place.keep(pictures.time);
});
const note = () => pictures.time > 0 && place.keep(pictures.time);
window.addEventListener("pagehide", note);
document.addEventListener("visibilitychange", note);
pictures.addEventListener("change", () => !pictures.playing && note());

const before = facts.at ? 0 : place.at;
if (before) {
  const resumed = document.getElementById("resumed");
  resumed.querySelector("span").textContent = told.resumed.replace("%(time)s", `\u2066${clock(before)}\u2069`);
  resumed.hidden = false;
  resumed.querySelector("button").addEventListener("click", () => {
    resumed.hidden = true;
    pictures.seek(0);
    pictures.play();
  });
}

listen(bar);
lead(pictures, facts.length);
cut(pictures, kept);
show(first(), facts.at || before);
if (facts.pictured && !sparing()) {
  // What is watched comes first.
  pictures.master.addEventListener("loadeddata", () => picture(facts.pictured), { once: true });
}
