import { h, put, say } from "../dom.js";
import { icon } from "../icons.js";
import { PinPad } from "../pin-pad.js";
import { LANGUAGES } from "../words.js";
import { Field } from "./field.js";

/** @import { Wizard } from "./wizard.js" */

const JOINING = 60_000; // ms in which a server on a poor link answers

/** The room's language, and the panel's from here on. */
export class LanguageStep {
  name = "language";

  /** @param {Wizard} wizard */
  constructor(wizard) {
    this.wizard = wizard;
    const buttons = Object.entries(LANGUAGES).map(([language, name]) => {
      const here = { lang: language, "aria-pressed": String(language === wizard.words.language) };
      const chosen = () => this._chosen(language);
      return h("button", { type: "button", class: "button setup-language", ...here, onclick: chosen }, name);
    });
    this.element = h("div", { class: "setup-languages" }, ...buttons);
  }

  show() {}

  async next() {
    return this.wizard.keep({ language: this.wizard.words.language });
  }

  /** @param {string} language */
  async _chosen(language) {
    const { wizard } = this;
    if (language === wizard.words.language) await wizard.next();
    else if (await wizard.keep({ language })) wizard.choose(language);
  }
}

export class NameStep {
  name = "name";

  /** @param {Wizard} wizard */
  constructor(wizard) {
    this.wizard = wizard;
    this.field = new Field(wizard.words, "setup.name.field", { most: 100, done: () => wizard.next() });
    this.element = h("div", { class: "setup-form" }, this.field.element);
  }

  /** @param {SetupView} state */
  show({ name, suggested }) {
    this.field.value = name ?? suggested;
  }

  async next() {
    if (this.field.value) return this.wizard.keep({ name: this.field.value });
    this.wizard.complain(this.wizard.words.t("setup.name.empty"));
    this.field.input.focus();
    return false;
  }
}

/** Where lessons go; that may wait. */
export class ServerStep {
  name = "server";
  joined = h("p", { class: "setup-fact" });

  /** @param {Wizard} wizard */
  constructor(wizard) {
    this.wizard = wizard;
    const { words } = wizard;
    const done = () => this._join();
    this.server = new Field(words, "setup.server.address", { most: 500, done, latin: true });
    this.code = new Field(words, "setup.server.code", { most: 100, done, latin: true });
    this.join = h("button", { type: "button", class: "button", onclick: done }, words.t("setup.server.join"));
    this.busy = h("p", { role: "status" });
    this.form = h("div", { class: "setup-form" }, this.server.element, this.code.element, this.join, this.busy);
    this.element = h("div", {}, this.joined, this.form);
  }

  /** @param {SetupView} state */
  show({ server }) {
    say(this.joined, server ? this.wizard.words.t("setup.server.joined", { server }) : "");
    put(this.joined, "hidden", !server);
    put(this.form, "hidden", server !== null);
    say(this.wizard.forward, this.wizard.words.t(server ? "setup.next" : "setup.server.later"));
  }

  async next() {
    return this.wizard.state?.server ? true : this.wizard.keep({ later: true });
  }

  async _join() {
    const { wizard } = this;
    if (this.join.ariaBusy === "true") return;
    if (!this.server.value || !this.code.value) {
      wizard.complain(wizard.words.t("setup.server.empty"));
      return;
    }
    put(this.join, "aria-busy", "true");
    say(this.busy, wizard.words.t("setup.server.busy"));
    const invitation = { server: this.server.value, code: this.code.value };
    const state = await wizard.ask("/join", invitation, JOINING);
    put(this.join, "aria-busy", null);
    say(this.busy, "");
    if (!state) return;
    wizard.state = state;
    this.code.value = "";
    wizard.again();
  }
}

/** Typed twice, for nobody sees what is typed. */
export class PinStep {
  name = "pin";
  first = "";
  hint = h("p", { class: "setup-fact", role: "status" });

  /** @param {Wizard} wizard */
  constructor(wizard) {
    this.wizard = wizard;
    this.pad = new PinPad(wizard.words);
    this.pad.addEventListener("pin", (event) => this._typed(/** @type {CustomEvent} */ (event).detail));
    this.element = h("div", { class: "setup-pin" }, this.hint, this.pad);
  }

  /** @param {SetupView} state */
  show({ pin }) {
    this.first = "";
    this.pad.again();
    say(this.hint, this.wizard.words.t(pin ? "setup.pin.there" : "setup.pin.once"));
  }

  async next() {
    if (this.wizard.state?.pin) return true;
    this.wizard.complain(this.wizard.words.t("setup.pin.missing"));
    return false;
  }

  /** @param {string} pin */
  async _typed(pin) {
    const { wizard } = this;
    const { words } = wizard;
    if (!this.first) {
      this.first = pin;
      this.pad.again();
      say(this.hint, words.t("setup.pin.again"));
      return;
    }
    const same = pin === this.first;
    this.first = "";
    if (!same) {
      this.pad.again(words.t("setup.pin.differ"));
      say(this.hint, words.t("setup.pin.once"));
      return;
    }
    const session = await wizard.ask("/pin", { pin });
    this.pad.again();
    say(this.hint, words.t(session ? "setup.pin.there" : "setup.pin.once"));
    if (!session) return;
    wizard.room.session = session.token;
    if (wizard.state) wizard.state = { ...wizard.state, pin: true };
    await wizard.next();
  }
}

/** What was chosen, before it counts. */
export class SummaryStep {
  name = "summary";
  list = h("dl", { class: "setup-facts" });

  /** @param {Wizard} wizard */
  constructor(wizard) {
    this.wizard = wizard;
    this.element = this.list;
  }

  /** @param {SetupView} state */
  show({ language, name, suggested, devices, server }) {
    const { words } = this.wizard;
    const of = (/** @type {string} */ kind) => {
      const titles = (devices ?? []).filter((device) => device.kind === kind).map(({ title }) => `\u2068${title}\u2069`);
      return titles.length ? words.list(titles) : words.t("it.none");
    };
    const facts = [
      [words.t("language"), LANGUAGES[language ?? words.language]],
      [words.t("setup.name.field"), name ?? suggested],
      [words.t("setup.devices.cameras"), of("camera")],
      [words.t("setup.devices.microphones"), of("microphone")],
      [words.t("it.server"), server ?? words.t("setup.summary.no-server")],
      [words.t("setup.pin"), words.t("setup.summary.pin")],
    ];
    const rows = facts.map(([fact, value]) => {
      return h("div", {}, h("dt", {}, fact), h("dd", {}, icon("check"), h("bdi", {}, value)));
    });
    this.list.replaceChildren(...rows);
  }

  async next() {
    const { wizard } = this;
    if (!(await wizard.ask("/write", {}))) return false;
    wizard.room.session = ""; // it ends with this run of the room's program
    wizard.close();
    wizard.told("check", wizard.words.t("setup.written"));
    return false;
  }
}
