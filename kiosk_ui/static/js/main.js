// Wires the page: the room, its words, and the panel that shows the one in the other.

import { Panel } from "./panel.js";
import { Room } from "./room.js";
import { Words, choose, remember, remembered } from "./words.js";

const DAY = { begins: 7, ends: 19 }; // hours between which the light theme is easier on the eye

const room = new Room();
const night = matchMedia("(prefers-color-scheme: dark)");
let panel = null;
let turns = 0;
let version = null;

function theme() {
  const hour = new Date().getHours();
  const dark = night.matches || hour < DAY.begins || hour >= DAY.ends;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

/** Show the page in a language. While the room PC does not answer, what stands there stays. */
async function speak(language) {
  const turn = ++turns;
  const words = await Words.load(language, room.status?.room.language);
  if (turn !== turns) return; // a later wish overtook this one
  document.documentElement.lang = language;
  document.documentElement.dir = words.direction;
  const before = panel;
  before?.close();
  panel = new Panel(room, words, chosen, before);
  document.body.append(panel.element);
}

async function chosen(language) {
  remember(language);
  await speak(language);
  panel.languages.button.focus();
}

/** The first status says which language the room speaks; a later one may come from a newer daemon with newer pages. */
room.addEventListener("change", () => {
  const { status } = room;
  if (!status) return;
  if (version === null) {
    version = status.version;
    speak(remembered() ?? choose(status.room.language));
  } else if (status.version !== version && status.state === "ready") {
    location.reload();
  }
});

theme();
setInterval(theme, 60_000);
night.addEventListener("change", theme);
room.open();
speak(remembered() ?? choose(...navigator.languages)); // until the room has said its own
