import { h, put, say } from "./dom.js";
import { icon } from "./icons.js";
import { Refused } from "./room.js";
import { unkept } from "./sentences.js";

/**
 * @import { Shape } from "./icons.js"
 * @import { Room } from "./room.js"
 * @import { Words } from "./words.js"
 */

const EVERY = 3_000; // ms between two looks while it is open
const TIERS = ["slidecast", "proxy", "master"]; // what people can watch; a card is part of any of them

/** @type {Record<string, Shape>} */
const SHAPES = { there: "check", refused: "warning", part: "send", waits: "ready" };

/** The page of the lessons on their way: what has arrived, what waits and why, and when it will be there. */
export class Deliveries {
  sentence = h("p", { class: "deliveries-sentence" });
  list = h("ol", { class: "deliveries-list" });
  older = h("p", { class: "deliveries-older" });
  /** @type {number | undefined} */
  again;
  /** @type {string | null} */
  wanted = null;
  /** @type {{ id: string, text: string } | null} */
  refused = null;

  /**
   * @param {Room} room
   * @param {Words} words
   */
  constructor(room, words) {
    this.room = room;
    this.words = words;
    const back = h("button", { type: "button", class: "button side deliveries-back", autofocus: true }, words.t("deliveries.back"));
    back.addEventListener("click", () => this.element.close());
    const title = h("h2", { id: "deliveries-title" }, words.t("deliveries.title"));
    const head = h("header", { class: "deliveries-head" }, title, back);
    const body = h("div", { class: "deliveries-body", tabindex: "0" }, this.sentence, this.list, this.older);
    this.element = h("dialog", { class: "deliveries", "aria-labelledby": "deliveries-title" }, head, body);
    this.element.addEventListener("close", () => clearTimeout(this.again));
  }

  open() {
    if (this.element.open) return;
    this._say_refused(null);
    say(this.sentence, this.words.t("wait"));
    this.element.showModal();
    this._look();
  }

  close() {
    if (this.element.open) this.element.close();
  }

  async _look() {
    clearTimeout(this.again);
    try {
      this._show(await this.room.deliveries());
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(this.sentence, this.words.t("deliveries.lost"));
    }
    if (this.element.open) this.again = setTimeout(() => this._look(), EVERY);
  }

  /** @param {DeliveriesView} found */
  _show({ lessons, older, done_by }) {
    const { words } = this;
    const { server, problem } = this.room.status.sync;
    const settled = (/** @type {TierView} */ { receipted, waiting_for }) => receipted || waiting_for === "kept-here";
    const all_there = lessons.every(({ tiers }) => tiers.every(settled));
    const key = !server ? "nowhere" : !lessons.length ? "none" : all_there ? "all" : problem ? "no_line" : "going";
    const by = key === "going" && done_by ? ` ${words.t("deliveries.all_by", { time: words.soon(done_by * 1000) })}` : "";
    say(this.sentence, words.t(`deliveries.${key}`) + by);
    const wanted = JSON.stringify([lessons, problem]);
    if (wanted !== this.wanted) this.list.replaceChildren(...lessons.map((lesson) => this._lesson(lesson)));
    this.wanted = wanted;
    put(this.older, "hidden", older === 0);
    say(this.older, words.t("deliveries.older", { n: older }));
  }

  /** @param {DeliveryView} lesson */
  _lesson({ id, title, started, seconds, tiers, kept_here }) {
    const { words } = this;
    const name = h("h3", {}, h("bdi", {}, title || words.t("deliveries.untitled")));
    const when = h("p", { class: "delivery-when" }, `${words.today(new Date(started * 1000))} · ${words.length(seconds)}`);
    const found = TIERS.map((tier) => tiers.find((each) => each.tier === tier)).filter((tier) => tier !== undefined);
    const list = h("ul", { class: "delivery-tiers" }, ...found.map((tier) => this._tier(tier)));
    const parts = [name, when, this._keep(id, kept_here), list];
    if (this.refused?.id === id) parts.push(h("p", { class: "delivery-refused", role: "alert" }, icon("warning"), this.refused.text));
    return h("li", { class: "delivery", "data-lesson": id }, ...parts);
  }

  /**
   * Why a wish was not obeyed, in its lesson's entry until the next wish; null: nothing to say.
   * @param {{ id: string, text: string } | null} refused
   */
  _say_refused(refused) {
    this.refused = refused;
    this.wanted = null; // made anew, the button says again what is so
  }

  /**
   * @param {string} id
   * @param {boolean} kept
   */
  _keep(id, kept) {
    const said = this.words.t(kept ? "delivery.let_go" : "delivery.keep");
    const button = h("button", { type: "button", class: "button delivery-keep" }, said);
    button.addEventListener("click", () => this._wish(button, id, !kept));
    return button;
  }

  /**
   * @param {HTMLElement} button
   * @param {string} id
   * @param {boolean} kept
   */
  async _wish(button, id, kept) {
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      await this.room.keep(id, kept);
      this._say_refused(null);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this._say_refused({ id, text: unkept(this.words, error.code) });
    }
    await this._look();
    const entry = this.list.querySelector(`[data-lesson="${CSS.escape(id)}"]`);
    entry?.querySelector("button")?.focus();
  }

  /** @param {TierView} tier */
  _tier(tier) {
    const { words } = this;
    const state = tier.receipted ? "there" : tier.refused ? "refused" : tier.sent ? "part" : "waits";
    const share = tier.bytes ? Math.min(0.99, Math.floor((100 * tier.sent) / tier.bytes) / 100) : 0;
    const why = words.has(`waits.${tier.waiting_for}`) ? words.t(`waits.${tier.waiting_for}`) : null;
    const said = [words.t(`delivery.${state}`, { percent: words.percents.format(share) })];
    if (why) said.splice(state === "waits" ? 0 : 1, 1, why);
    else if (tier.done_by) said.push(words.t("delivery.by", { time: words.soon(tier.done_by * 1000) }));
    return h(
      "li",
      { class: "delivery-tier", "data-state": state },
      icon(SHAPES[state]),
      h("span", { class: "delivery-name" }, words.t(`tier.${tier.tier}`)),
      h("span", { class: "delivery-state" }, said.join(" · ")),
    );
  }
}
