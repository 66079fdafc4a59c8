// Every component of the panel in each of its states, made by the panel's own modules. The states are those of the
// stand-in room (tests/browser/gallery/states.py); nothing is asked of a daemon.

import { Button } from "/js/button.js";
import { Deliveries } from "/js/deliveries.js";
import { h } from "/js/dom.js";
import { Equipment } from "/js/equipment.js";
import { Facts } from "/js/facts.js";
import { Fixtures } from "/js/fixtures.js";
import { ItScreen } from "/js/it-screen.js";
import { Languages } from "/js/languages.js";
import { LevelMeter } from "/js/level-meter.js";
import { PinPad } from "/js/pin-pad.js";
import { Plan } from "/js/plan.js";
import { Rehearsal } from "/js/rehearsal.js";
import { Room } from "/js/room.js";
import { Wizard } from "/js/setup/wizard.js";
import { ScreenKeyboard } from "/js/screen-keyboard.js";
import { Sources } from "/js/sources.js";
import { StopButton } from "/js/stop-button.js";
import { Strip } from "/js/strip.js";
import { Title } from "/js/title.js";
import { Words } from "/js/words.js";
import { mode_of } from "/js/mode.js";
import { standing } from "/js/sentences.js";

const SHEETS = ["panel", "controls", "sources", "deliveries", "sheet", "keyboard", "desk", "setup"];
const query = new URLSearchParams(location.search);
const { states, now, deliveries, candidates } = await (await fetch("/states.json")).json();
const words = await Words.load(query.get("language") ?? "en", query.get("language") ?? "en");
const nothing = () => {};

/** A room that is what the state says, for ever. */
class Stand extends Room {
  constructor({ status, link = "open", pending = [] }) {
    super(status);
    Object.defineProperty(this, "link", { value: link });
    this.since = new Date(now);
    this.pending = new Set(pending);
  }

  async deliveries() {
    return deliveries;
  }

  async behind(path) {
    return path === "setup/look" ? candidates : this.status;
  }

  async _ask() {
    return this.status;
  }
}

/** From a state to the element that shows it. */
const MAKE = {
  strip(room, mode) {
    const strip = new Strip(words, nothing);
    strip.show(room.status, mode, room.status.held_seconds > 0, new Date(now));
    return strip.element;
  },
  title(room, mode) {
    const title = new Title(words);
    title.show(room.status, mode, new Date(now));
    return title.element;
  },
  plan(room, mode) {
    const plan = new Plan(words, nothing);
    plan.show(room.status, mode, new Date(now));
    return h("div", {}, plan.element, plan.more);
  },
  button(_room, _mode, { kind, shape, word, ...attributes }) {
    const button = new Button(kind, shape, nothing);
    button.label.append(words.t(word, { n: 28, time: words.stopwatch(61) }));
    for (const [name, value] of Object.entries(attributes)) button.element.setAttribute(name, value);
    return button.element;
  },
  stop(_room, _mode, { busy = false, state }) {
    const stop = new StopButton();
    const hints = { idle: words.t("stop.idle"), holding: words.t("stop.holding"), armed: words.t("stop.armed") };
    stop.connectedCallback();
    if (state === "armed") stop._press(1e8);
    stop.show({ label: words.t(busy ? "stop.stopping" : "stop"), ...hints }, { busy });
    return stop;
  },
  sentence(room, mode) {
    const { shape, text } = standing(words, room, mode, room.status.held_seconds > 0);
    const button = new Button("", shape, nothing);
    const level = { warning: "warning", error: "error" }[shape] ?? "ok";
    return h("p", { class: "sentence", "data-level": level }, button.shape, h("span", {}, text));
  },
  sources(room) {
    const sources = new Sources(words);
    sources.show(room.status, room.link === "open");
    return sources.element;
  },
  meter(_room, _mode, { rms, peak, word }) {
    const meter = new LevelMeter();
    meter.connectedCallback();
    meter.setAttribute("aria-label", words.t("kind.audio"));
    meter.hear(rms, peak);
    meter.say(words.t(word));
    return h("div", { class: "ear" }, meter, h("p", { class: "sound" }, words.t(word)));
  },
  fixtures(room) {
    const fixtures = new Fixtures(words, nothing);
    fixtures.show(room.status, room.link === "open", room.pending);
    return fixtures.element;
  },
  facts(room, mode) {
    const facts = new Facts(words);
    facts.show(room.status, mode);
    return facts.element;
  },
  languages(room) {
    const languages = new Languages(words, nothing);
    languages.show(room.status.room.languages);
    languages.sheet.removeAttribute("popover");
    languages.sheet.style.display = "grid";
    return languages.element;
  },
  equipment(room, _mode, { changing = false }) {
    const equipment = new Equipment(words, room, nothing, nothing);
    equipment.sheet._open();
    equipment.show(room.status, room.link === "open");
    if (changing) for (const { inner } of equipment.cards) inner._change?.(true);
    return opened(equipment.sheet);
  },
  rehearsal(room) {
    const rehearsal = new Rehearsal(words, room, nothing, nothing);
    rehearsal.sheet._open();
    rehearsal.show(room.status, true, room.pending.has("test"));
    return opened(rehearsal.sheet);
  },
  pin(_room, _mode, { said, busy = false }) {
    const pad = new PinPad(words);
    if (busy) pad.enter.ariaBusy = "true";
    if (said) pad.sentence.append(words.t(said));
    return pad;
  },
  keyboard(_room, _mode, { layout, signs = false, large = false }) {
    const keyboard = new ScreenKeyboard(h("input"), words);
    Object.assign(keyboard, { layout: layout ?? keyboard.layout, signs, large });
    keyboard.style.position = "static";
    queueMicrotask(() => {
      keyboard._draw(); // it is in the page now
      keyboard._show(true);
    });
    return keyboard;
  },
  technicians(room) {
    const screen = new ItScreen(room, words, { choose: nothing, set_up: nothing, over: nothing });
    screen.is_open = true;
    screen.show(room.status);
    screen.hear({ lectern: [-24, -15] });
    return screen.element;
  },
  setup(room, _mode, { at, state }) {
    const hooks = { choose: nothing, start: nothing, asks: nothing, told: nothing, over: nothing };
    const wizard = new Wizard(room, words, hooks);
    wizard.state = state;
    wizard._go(at);
    wizard.element.open = true;
    wizard.element.style.cssText = "position: static; inline-size: auto; block-size: auto";
    return wizard.element;
  },
  deliveries(room) {
    const page = new Deliveries(room, words);
    page._show(deliveries);
    page.element.open = true;
    page.element.style.position = "static";
    return page.element;
  },
};
const WIDE = new Set(["strip", "sources", "fixtures", "facts", "equipment", "rehearsal", "keyboard", "technicians", "setup", "deliveries", "sentence"]);

/** On the panel a sheet has the room of the pictures; here it has its own. */
function opened({ element, button }) {
  element.style.contain = "none";
  return h("div", {}, h("div", { class: "tools" }, button), element);
}

/** One style sheet for all shadow roots; what hangs on the page's language or theme is asked of the page there. */
async function sheet(name) {
  const text = await (await fetch(`/${name}.css`)).text();
  const style = new CSSStyleSheet();
  style.replaceSync(text.replace(/:root((?::[\w-]+\([^)]*\)|\[[^\]]*\])+) (?=[.\w:])/g, ":host-context(:root$1) "));
  return style;
}

document.documentElement.lang = words.language;
document.documentElement.dir = words.direction;
document.documentElement.dataset.theme = query.get("theme") ?? "light";
const styles = await Promise.all(["base", ...SHEETS].map(sheet));
const main = h("main", {}, h("h1", {}, document.title));
document.body.append(main);
for (const [component, of_it] of Object.entries(states)) {
  const row = h("div", { class: "states" });
  for (const [name, state] of Object.entries(of_it)) {
    const room = new Stand(state);
    const host = h("div", { class: "component", "data-component": component, "data-state": name });
    host.attachShadow({ mode: "open" }).adoptedStyleSheets = styles;
    const inside = h("div", { class: "panel-part" });
    inside.style.cssText = "--side: 0px; --gap: 1.5rem; --headline: 4rem; --measure: 36rem";
    host.shadowRoot.append(inside);
    inside.append(MAKE[component](room, mode_of(room.link, state.status, state.kept ?? null), state.given ?? {}));
    row.append(h("figure", { class: WIDE.has(component) ? "wide" : "" }, h("figcaption", { lang: "en", dir: "ltr" }, name), host));
  }
  main.append(h("section", {}, h("h2", { lang: "en", dir: "ltr" }, component), row));
}
document.documentElement.dataset.made = "";
