// Wires the page: the room, its words, and the panel that shows the one in the other.

import { keep_the_browser_away } from "./alone.js";
import { Panel } from "./panel.js";
import { Room } from "./room.js";
import { Words, remember } from "./words.js";

const DAY = { begins: 7, ends: 19 }; // hours between which the light theme is easier on the eye
const AT_LAST = 500; // ms

const night = matchMedia("(prefers-color-scheme: dark)");
const room = new Room(/** @type {StatusView} */ (given("status")));
const { version } = room.status;
/** @type {Panel | null} */
let panel = null;
let turns = 0;

/**
 * What the daemon put into the page.
 * @param {string} name
 */
function given(name) {
  return JSON.parse(document.getElementById(name)?.textContent ?? "");
}

function theme() {
  const hour = new Date().getHours();
  const dark = night.matches || hour < DAY.begins || hour >= DAY.ends;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

/** @param {Words} words */
function speak(words) {
  document.documentElement.lang = words.language;
  document.documentElement.dir = words.direction;
  const before = panel;
  panel = new Panel(room, words, chosen, before);
  before?.close();
  document.body.append(panel.element);
  panel.appear();
}

/**
 * While the room PC does not answer, what stands there stays.
 * @param {string} language
 */
async function chosen(language) {
  const turn = ++turns;
  const words = await Words.load(language, room.status.room.language);
  if (turn !== turns) return; // a later wish overtook this one
  remember(language);
  speak(words);
  panel?.strip.languages.button.focus();
}

/** A later status may come from a newer daemon with newer pages. */
room.addEventListener("change", () => {
  if (room.status.version !== version && room.status.state === "ready") location.reload();
});

keep_the_browser_away();
theme();
setInterval(theme, 60_000);
night.addEventListener("change", theme);
const { language, messages } = given("words");
speak(new Words(language, messages, room.status.room.language));
// Start stands there with what the page has brought; only then is more asked for. A hidden page gets no picture.
requestAnimationFrame(() => setTimeout(() => room.open()));
setTimeout(() => room.open(), AT_LAST);
