import { h, put, say } from "./dom.js";
import { icon } from "./icons.js";

/** @import { Words } from "./words.js" */

const EARLY = 15 * 60; // s before its time from which on a lesson takes the timetable's title
const LAST = 15 * 60; // s before its end from which on a lesson can be let run on
const MORE = 10; // minutes
const IDLE = new Set(["ready", "kept"]);
const RUNNING = new Set(["recording", "paused"]);

/** What the timetable will do: the next lesson under the headline, and a button that lets this one run on. */
export class Plan {
  /**
   * @param {Words} words
   * @param {(body: { minutes: number }) => void} extend
   */
  constructor(words, extend) {
    this.words = words;
    this.element = h("p", { class: "plan" });
    this.more = h("button", { type: "button", class: "more", onclick: () => extend({ minutes: MORE }) });
    this.label = h("span");
    this.more.append(icon("clock"), this.label);
  }

  /**
   * @param {StatusView} status
   * @param {Mode} mode
   * @param {Date} now
   */
  show(status, mode, now) {
    const { words } = this;
    const plan = IDLE.has(mode) ? status.timetable?.next : null;
    put(this.element, "hidden", !plan);
    say(this.element, plan ? following(words, plan) : "");
    const ends = RUNNING.has(mode) ? ending(status) : null;
    const soon = ends !== null && ends - now.getTime() / 1000 <= LAST;
    put(this.more, "hidden", !soon);
    if (soon) say(this.label, words.t("plan.more", { n: MORE }));
  }
}

/**
 * @param {Words} words
 * @param {EventView} plan
 */
function following(words, { title, begin }) {
  const time = words.soon(begin * 1000);
  return title ? words.t("plan.next", { title, time }) : words.t("plan.next.untitled", { time });
}

/**
 * Unix seconds at which the timetable will end the lesson that is on, or null if it will not.
 * @param {StatusView} status
 */
export function ending({ timetable, lesson }) {
  return timetable && lesson && timetable.lesson === lesson.id ? timetable.ends : null;
}

/**
 * What the timetable calls the lesson of this hour, or of the next quarter of one; "" if it has none.
 * @param {StatusView} status
 * @param {Date} now
 */
export function planned_title({ timetable }, now) {
  if (timetable?.now) return timetable.now.title;
  const next = timetable?.next;
  return next && next.begin - now.getTime() / 1000 <= EARLY ? next.title : "";
}
