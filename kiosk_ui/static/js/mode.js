// Which of its few faces the panel shows. Pure: what is known in, one word out.

/** @import { Shape } from "./icons.js" */

/**
 * waking: the room PC is starting up, and may yet find a lesson that was cut off · lost · doubt · cannot-record · ready · starting · recording · paused · stopping · kept
 * ended: stopped, and that can still be undone · kept: the lesson whose end this page has seen and nobody has put away yet.
 * @param {Link} link
 * @param {StatusView} status
 * @param {string | null} kept
 * @returns {Mode}
 */
export function mode_of(link, status, kept) {
  if (link !== "open") return link;
  if (status.state === "starting" && status.lesson === null) return "waking";
  if (status.state === "stopping" && status.undo_seconds > 0) return "ended";
  if (status.state === "ready" && kept !== null && status.last?.id === kept) return "kept";
  return status.state;
}

/**
 * The shape that stands for a mode, told by its outline.
 * @type {Record<Mode, Shape>}
 */
export const SHAPE = {
  waking: "ready",
  lost: "error",
  doubt: "warning",
  "cannot-record": "error",
  ready: "ready",
  starting: "ready",
  recording: "record",
  paused: "pause",
  stopping: "stop",
  ended: "check",
  kept: "check",
};

/**
 * In which the time of a lesson is shown.
 * @type {Set<Mode>}
 */
export const TIMED = new Set(["starting", "recording", "paused", "stopping"]);

/** @typedef {"start" | "stop" | "next"} Centre */

/**
 * Which button stands in the middle; null: as it was.
 * @type {Record<Mode, Centre | null>}
 */
export const CENTRE = {
  waking: "start",
  lost: null,
  doubt: "stop",
  "cannot-record": "start",
  ready: "start",
  starting: "stop",
  recording: "stop",
  paused: "stop",
  stopping: "stop",
  ended: "next",
  kept: "next",
};
