// From the daemon's codes and figures to sentences. No page here, no state: a status and the words in, text out.

/**
 * @import { Shape } from "./icons.js"
 * @import { Room } from "./room.js"
 * @import { Words } from "./words.js"
 */

const HOUR = 3600;
const FEW_HOURS = 3; // below, people count in minutes

/**
 * What the camera or microphone is called in this room.
 * @param {Words} words
 * @param {SourceView} source
 */
export function name_of(words, source) {
  return source.label || words.t(`kind.${source.media}`);
}

/**
 * Whether nobody in the room has started this lesson.
 * @param {StatusView} status
 */
export function started_from_afar({ remote, lesson }) {
  return lesson !== null && remote?.verb === "start" && remote.lesson === lesson.id;
}

/**
 * Who has started it then.
 * @param {Words} words
 * @param {StatusView} status
 */
export function from_afar(words, { remote }) {
  return words.t("remote.started", { by: remote?.by });
}

/**
 * The one sentence about the room's health, with the remedy in it.
 * @param {Words} words
 * @param {StatusView} status
 * @returns {string}
 */
export function health(words, status) {
  const { code, facts } = status.health;
  const time = (/** @type {number} */ seconds) => words.clock(seconds * 1000);
  if (code === "selftest") {
    const found = { ...status, health: { ...status.health, code: facts.verdict } };
    return `${words.t("tested.failed", { time: time(facts.at) })} ${health(words, found)}`;
  }
  if (code === "all-well" && started_from_afar(status)) return from_afar(words, status);
  const { lesson } = status;
  if (code === "all-well" && lesson && status.timetable?.lesson === lesson.id) return words.t("plan.started");
  if (code === "all-well" && status.selftest) {
    return `${words.t("health.all-well")} ${words.t("tested.passed", { time: time(status.selftest.at) })}`;
  }
  const source = status.sources.find(({ id }) => id === facts.source);
  const values = { ...facts, code, source: source ? name_of(words, source) : (facts.label ?? facts.source) };
  const medium = facts.kind === "microphone" ? "audio" : "video";
  const keys = [`problem.${facts.problem}`, `health.${code}.${medium}`, `health.${code}`, "health.unknown"];
  const sentence = words.t(first(words, keys), values);
  if (code === "disk-low") return `${sentence} ${room_left(words, status.disk.hours_left)}`;
  return facts.count > 1 ? `${sentence} ${words.t("health.more", { n: facts.count - 1 })}` : sentence;
}

/**
 * What stands under the large button while nothing else has to be said there, and its shape.
 * @param {Words} words
 * @param {Room} room
 * @param {Mode} mode
 * @param {boolean} listens the room holds what is said before Start
 * @returns {{ shape: Shape, text: string }}
 */
export function standing(words, room, mode, listens) {
  const { status } = room;
  const since = { time: words.clock_with_seconds(room.since) };
  if (mode === "lost") return { shape: "error", text: words.t(room.busy ? "why.lost.busy" : "why.lost", since) };
  if (mode === "waking") return { shape: "ready", text: words.t("why.waking") };
  if (mode === "doubt") return { shape: "warning", text: words.t("why.doubt", since) };
  if (mode === "ended") return { shape: "check", text: words.t("why.ended") };
  const { level } = status.health;
  if (level !== "ok") return { shape: level, text: health(words, status) };
  if (mode === "kept" && status.last) return { shape: "check", text: delivery(words, status.last, status.sync) };
  if (listens) return { shape: "microphone", text: words.t("held", { n: status.held_seconds }) };
  return { shape: "check", text: health(words, status) };
}

/**
 * Room for 41 more hours.
 * @param {Words} words
 * @param {number} hours
 */
export function room_left(words, hours) {
  if (hours < FEW_HOURS) return words.t("disk.minutes", { n: Math.max(0, Math.floor((hours * HOUR) / 60)) });
  return words.t("disk.hours", { n: Math.floor(hours) });
}

/**
 * What was sent so far, and what is being made to be sent; share: 0…1 of what is on its way, or null if nothing is.
 * @param {Words} words
 * @param {StatusView} status
 */
export function sent(words, status) {
  const { text, share } = way(words, status);
  const { making } = status;
  return { text: making ? `${text} · ${words.t("sent.making", { done: making.done, n: making.of })}` : text, share };
}

/**
 * @param {Words} words
 * @param {StatusView} status
 */
function way(words, { sync, last }) {
  const { server, problem, lessons_waiting: waiting, lessons_total: total, bytes_total, bytes_sent } = sync;
  if (!server) return { text: words.t("sent.nowhere"), share: null };
  if (!waiting) return { text: words.t(last ? "sent.all" : "sent.none"), share: null };
  const share = bytes_total ? Math.min(0.99, bytes_sent / bytes_total) : 0;
  const percent = words.percents.format(Math.floor(share * 100) / 100);
  const so_far =
    total === undefined
      ? words.t("sent.waiting", { n: waiting, percent })
      : words.t("sent.of", { sent: total - waiting, n: total, percent });
  return { text: problem ? `${so_far} ${words.t("sent.no_line")}` : so_far, share };
}

/**
 * What became of the last lesson.
 * @param {Words} words
 * @param {LastView} last
 * @param {SyncView} sync
 */
export function delivery(words, last, sync) {
  if (last.receipted) return words.t("kept.delivered");
  if (!sync.server) return words.t("kept.stays");
  return words.t(sync.problem ? "kept.no_line" : "kept.will_go");
}

/**
 * Why a camera shows nothing, or a microphone gives nothing, and what to do.
 * @param {Words} words
 * @param {SourceView} source
 */
export function silence(words, source) {
  const key = `problem.${source.problem?.code}`;
  if (words.has(key)) return words.t(key, { source: name_of(words, source), ...source.problem?.facts });
  if (source.state === "lost" || source.state === "stalled") return words.t(`${source.media}.${source.state}`);
  return words.t(`${source.media}.waiting`);
}

/**
 * What the test before class found of one source: one sentence, with the remedy if it is not good.
 * @param {Words} words
 * @param {SourceView} source
 * @param {SelfTestView} found
 * @returns {{ good: boolean, text: string }}
 */
export function tried(words, source, found) {
  const name = name_of(words, source);
  const code = found.wrong[source.id];
  if (code) {
    const keys = [`health.${code}.${source.media}`, `health.${code}`, "health.unknown"];
    return { good: false, text: words.t(first(words, keys), { source: name, code }) };
  }
  if (source.problem) return { good: false, text: `${name}: ${silence(words, source)}` };
  return { good: true, text: words.t(`tried.${source.media}`, { source: name }) };
}

/**
 * Why a device did not do what it was told last; "" if it did.
 * @param {Words} words
 * @param {FixtureView} fixture
 */
export function untold(words, { untold: why, label }) {
  if (!why) return "";
  const keys = [`problem.${why.code}`, "refused.device-trouble"];
  return words.t(first(words, keys), { source: label, ...why.facts });
}

/**
 * Why a wish to keep a lesson here, or to send it after all, was not obeyed.
 * @param {Words} words
 * @param {string} code
 */
export function unkept(words, code) {
  return words.t(words.has(`unkept.${code}`) ? `unkept.${code}` : "unkept.other", { code });
}

/**
 * Why a door of the panel stays closed, or what is behind it does not work.
 * @param {Words} words
 * @param {{ code: string, facts: Values }} refused
 * @param {"it" | "card" | "who"} [place] the technicians' screen, a card, or a teacher's PIN
 */
export function unopened(words, { code, facts }, place = "who") {
  const keys = [`door.${code}.${place}`, `door.${code}`, "door.other"];
  return words.t(first(words, keys), { n: facts.seconds, code });
}

/**
 * Why the room did not do what was asked.
 * @param {Words} words
 * @param {string} code
 * @param {Values} facts
 */
export function refusal(words, code, facts) {
  const keys = [`problem.${facts.problem}`, `refused.${code}`, "refused.other"];
  return words.t(first(words, keys), { ...facts, code, source: facts.label });
}

/**
 * The first of these keys for which there is a sentence; the last of them always has one.
 * @param {Words} words
 * @param {string[]} keys
 */
export function first(words, keys) {
  return keys.find((key) => words.has(key)) ?? keys[keys.length - 1];
}
