import { h, put, say } from "./dom.js";
import { icon } from "./icons.js";

const EARLY = 15 * 60; // s before its time from which on a lesson takes the timetable's title
const LAST = 15 * 60; // s before its end from which on a lesson can be let run on
const MORE = 10; // minutes
const IDLE = new Set(["ready", "kept"]);
const RUNNING = new Set(["recording", "paused"]);

/** What the timetable will do: the next lesson under the headline, and a button that lets this one run on. */
export class Plan {
  constructor(words, extend) {
    this.words = words;
    this.element = h("p", { class: "plan" });
    this.more = h("button", { type: "button", class: "more", onclick: () => extend({ minutes: MORE }) });
    this.label = h("span");
    this.more.append(icon("clock"), this.label);
  }

  show(status, mode, now) {
    const { words } = this;
    const plan = IDLE.has(mode) ? status.timetable?.next : null;
    put(this.element, "hidden", !plan);
    say(this.element, plan ? following(words, plan) : "");
    const ends = RUNNING.has(mode) ? ending(status) : null;
    put(this.more, "hidden", ends === null || ends - now.getTime() / 1000 > LAST);
    say(this.label, words.t("plan.more", { n: MORE }));
  }
}

function following(words, { title, begin }) {
  const time = words.soon(begin * 1000);
  return title ? words.t("plan.next", { title, time }) : words.t("plan.next.untitled", { time });
}

/** Unix seconds at which the timetable will end the lesson that is on, or null if it will not. */
export function ending({ timetable, lesson }) {
  return timetable && lesson && timetable.lesson === lesson.id ? timetable.ends : null;
}

/** What the timetable calls the lesson of this hour, or of the next quarter of one; "" if it has none. */
export function planned_title({ timetable }, now) {
  if (timetable?.now) return timetable.now.title;
  const { next } = timetable ?? {};
  return next && next.begin - now.getTime() / 1000 <= EARLY ? next.title : "";
}
