// What the page knows of the room PC, and how sure it is of that. Nothing here is guessed: a state is the last one the
// daemon told, together with its age.

const AGES = 1_000; // ms after which the same status is shown again: the clock goes on
const DOUBT_AFTER = 3_000; // ms: a status older than this proves nothing about a running recording
const LOST_AFTER = { busy: 6_000, idle: 15_000 };
const ASK_AFTER = { busy: 2_000, idle: 8_000 }; // a silent socket is asked over HTTP, before it is doubted
const BROKEN_AFTER = 1_500; // a socket that comes back sooner was not away for anyone
const KNOCK = { often: 200, seldom: 2_000 }; // ms between two attempts to be connected again: nothing on this machine
const ALIVE_EVERY = 5_000; // ms between two words of this page to the room, which restarts a screen whose page is silent
const RESTART = 30_000; // ms in which a daemon that was restarted is back
const ANSWER_WITHIN = { status: 2_000, device: 2_000, command: 12_000 };
const BUSY = new Set(["starting", "recording", "paused", "stopping"]);

// Refusals that only say that it is so already: a second tap, another panel's tap.
const ALREADY = new Set(["already-recording", "not-recording", "wrong-state"]);

/** A command was not carried out. */
export class Refused extends Error {
  /**
   * @param {string} code the daemon's, or `unreachable`
   * @param {Values} [facts]
   */
  constructor(code, facts = {}) {
    super(code);
    this.code = code;
    this.facts = facts;
  }
}

/** Events: `change` (status or link), `levels` (detail: {source: [rms_db, peak_db]}). */
export class Room extends EventTarget {
  /**
   * Commands on their way.
   * @type {Set<string>}
   */
  pending = new Set();
  /** Of the technicians' screen, while somebody is there; else empty. */
  session = "";

  /** @type {WebSocket | null} */
  socket = null;
  /**
   * When the socket was lost, by performance.now(); null while it stands.
   * @type {number | null}
   */
  closed = performance.now();
  asking = false;
  said = -Infinity; // when this page said that it lives, by performance.now()
  watch = 0;
  changed = -Infinity;
  /** @type {Link} */
  known = "open";

  /**
   * @param {StatusView} status what the daemon knew when it sent the page
   * @param {string} [base]
   */
  constructor(status, base = document.baseURI) {
    super();
    const [visit] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
    this.base = base;
    this.status = status;
    this.told = visit?.responseStart ?? performance.now(); // of the status
    this.since = new Date(performance.timeOrigin + this.told); // the wall time of it
  }

  /** Once; later it does nothing. */
  open() {
    if (this.watch) return;
    this.watch = setInterval(() => this._watch(), 250);
    this._connect();
  }

  get busy() {
    return BUSY.has(this.status.state);
  }

  /**
   * open · doubt: busy, but not heard of for 3 s · lost
   * @returns {Link}
   */
  get link() {
    const now = performance.now();
    const age = now - this.told;
    const broken = this.closed !== null && now - this.closed > BROKEN_AFTER && age > BROKEN_AFTER;
    if (broken || age > LOST_AFTER[this.busy ? "busy" : "idle"]) return "lost";
    return this.busy && age > DOUBT_AFTER ? "doubt" : "open";
  }

  /**
   * start, pause, resume, stop, undo or mark. A command that is on its way already is not sent twice.
   * Rejects with Refused; `already so` is no refusal.
   * @param {string} action
   * @param {object} [body]
   */
  command(action, body = {}) {
    return this._command(action, `api/v1/lesson/${action}`, body);
  }

  /**
   * Turn a camera to one of its places. Rejects with Refused.
   * @param {string} camera
   * @param {string} preset
   */
  turn(camera, preset) {
    return this._tell_device(`turn ${camera}`, camera, "preset", { preset });
  }

  /**
   * Make where a camera looks now one of its places. Rejects with Refused.
   * @param {string} camera
   * @param {string} preset
   */
  keep_place(camera, preset) {
    return this._tell_device(`place ${camera}`, camera, "place", { preset });
  }

  /**
   * Tell a panel one thing, e.g. {volume: 40}. Rejects with Refused.
   * @param {string} device
   * @param {Record<string, string | number>} wish
   */
  order(device, wish) {
    return this._tell_device(`order ${device} ${Object.keys(wish)}`, device, "order", wish);
  }

  /**
   * Have the devices do what a scene says. Rejects with Refused.
   * @param {string} scene
   */
  play(scene) {
    return this._command(`scene ${scene}`, `api/v1/scenes/${encodeURIComponent(scene)}`, {}, ANSWER_WITHIN.device);
  }

  /** Try every source. Rejects with Refused. */
  test() {
    return this._command("test", "api/v1/selftest", {}, ANSWER_WITHIN.device);
  }

  /**
   * @param {string} action
   * @param {string} device
   * @param {string} what
   * @param {object} body
   */
  _tell_device(action, device, what, body) {
    const path = `api/v1/devices/${encodeURIComponent(device)}/${what}`;
    return this._command(action, path, body, ANSWER_WITHIN.device);
  }

  /**
   * The lessons on their way. Rejects with Refused.
   * @returns {Promise<DeliveriesView>}
   */
  deliveries() {
    return this._ask("api/v1/deliveries", ANSWER_WITHIN.status);
  }

  /**
   * Keep a lesson's recordings in the room, or let them go after all. Rejects with Refused.
   * @param {string} lesson
   * @param {boolean} kept
   */
  keep(lesson, kept) {
    return this._ask(`api/v1/lessons/${encodeURIComponent(lesson)}/keep`, ANSWER_WITHIN.command, { keep: kept });
  }

  /**
   * Somebody says who they are. Rejects with Refused.
   * @param {{ pin?: string, card?: string }} said one of both
   */
  async came(said) {
    this._tell(await this._ask("api/v1/who", ANSWER_WITHIN.command, said));
  }

  /** From here on a guest. Rejects with Refused. */
  async left() {
    this._tell(await this._ask("api/v1/who/leave", ANSWER_WITHIN.command, {}));
  }

  /**
   * Begin a session of the technicians' screen. Only this page knows it, so it ends with the page. Rejects with Refused.
   * @param {string} pin
   */
  async enter_it(pin) {
    this.session = /** @type {SessionView} */ (await this._ask("api/v1/it/enter", ANSWER_WITHIN.command, { pin })).token;
  }

  /** The session ends; without an answer it ends by itself. */
  async leave_it() {
    const ending = this._ask("api/v1/it/leave", ANSWER_WITHIN.status, {});
    this.session = "";
    await ending.catch((error) => {
      if (!(error instanceof Refused)) throw error;
    });
  }

  /**
   * Ask what a session opens. Rejects with Refused.
   * @param {string} path
   * @param {object | null} [body]
   * @param {number} [patience] ms
   * @returns {Promise<any>}
   */
  behind(path, body = null, patience = ANSWER_WITHIN.command) {
    return this._ask(`api/v1/${path}`, patience, body);
  }

  /**
   * @param {string} action
   * @param {string} path
   * @param {object} body
   * @param {number} [patience] ms
   */
  async _command(action, path, body, patience = ANSWER_WITHIN.command) {
    if (this.pending.has(action)) return;
    if (this.link === "lost") throw new Refused("unreachable");
    this.pending.add(action);
    this._changed();
    try {
      this._tell(await this._ask(path, patience, body));
    } catch (error) {
      if (!(error instanceof Refused) || !ALREADY.has(error.code) || action === "undo") throw error;
      this._tell(await this._ask("api/v1/status", ANSWER_WITHIN.status));
    } finally {
      this.pending.delete(action);
      this._changed();
    }
  }

  /** @param {string} path */
  address(path) {
    return new URL(path, this.base);
  }

  /**
   * @param {string} path
   * @param {number} patience ms
   * @param {object | null} [body]
   * @returns {Promise<any>}
   */
  async _ask(path, patience, body = null) {
    /** @type {Record<string, string>} */
    const headers = this.session ? { Authorization: `Bearer ${this.session}` } : {};
    /** @type {RequestInit} */
    const request = { signal: AbortSignal.timeout(patience), cache: "no-store", headers };
    if (body !== null) {
      Object.assign(request, {
        method: "POST",
        headers: { ...headers, "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
    }
    let answer, said;
    try {
      answer = await fetch(this.address(path), request);
      said = await answer.json();
    } catch (error) {
      // TypeError: no connection; TimeoutError, AbortError: no answer; SyntaxError: not JSON, so not the room's daemon.
      throw new Refused("unreachable", { why: error instanceof Error ? error.name : "" });
    }
    if (!answer.ok) throw new Refused(said.code ?? "room-error", said);
    return said;
  }

  /** @param {StatusView} status */
  _tell(status) {
    this.status = status;
    this.told = performance.now();
    this.since = new Date();
    this._changed();
  }

  _changed() {
    this.known = this.link;
    this.changed = performance.now();
    this.dispatchEvent(new Event("change"));
  }

  _connect() {
    const address = this.address("api/v1/events");
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.onopen = () => {
      this.closed = null;
      this.said = -Infinity; // perhaps to another daemon
    };
    socket.onmessage = ({ data }) => {
      const { type, ...event } = JSON.parse(data);
      if (type === "status") this._tell(event);
      else if (type === "levels") this.dispatchEvent(new CustomEvent("levels", { detail: event.levels }));
    };
    socket.onclose = () => this._reconnect(socket);
  }

  /**
   * With a little chance in it, so that several panels do not knock at once.
   * @param {WebSocket} socket
   */
  _reconnect(socket) {
    if (this.socket !== socket) return;
    this.socket = null;
    this.closed ??= performance.now();
    const pause = performance.now() - this.closed < RESTART ? KNOCK.often : KNOCK.seldom;
    setTimeout(() => this._connect(), pause * (0.75 + Math.random() / 2));
    this._changed();
  }

  _watch() {
    const silence = performance.now() - this.told;
    const pace = this.busy ? "busy" : "idle";
    if (this.socket?.readyState === WebSocket.OPEN) {
      if (silence > LOST_AFTER[pace]) {
        // Half open: the other end is gone or hangs. Begin anew.
        const socket = this.socket;
        socket.close();
        this._reconnect(socket);
      } else if (silence > ASK_AFTER[pace] && !this.asking) {
        this._listen_again();
      }
      this._live();
    }
    if (this.link !== this.known || performance.now() - this.changed > AGES) this._changed();
  }

  _live() {
    const now = performance.now();
    if (now - this.said < ALIVE_EVERY || this.socket?.readyState !== WebSocket.OPEN) return;
    this.said = now;
    this.socket.send("alive");
  }

  async _listen_again() {
    this.asking = true;
    try {
      this._tell(await this._ask("api/v1/status", ANSWER_WITHIN.status));
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // no answer is an answer: the age of the status goes on growing
    } finally {
      this.asking = false;
    }
  }
}
