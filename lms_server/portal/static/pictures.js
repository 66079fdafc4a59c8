// One or two pictures that play as one. The first is the master: it has the sound, and its time is the lesson's. The
// second follows: a drift is taken back by a slightly other speed, a leap by a seek; when it has nothing to show the
// master waits for it.

const CLOSE = 0.02; // seconds of drift that nobody can see
const FAR = 0.3; // seconds beyond which a seek is quicker than catching up
const PULL = 1.0; // seconds in which a drift is taken back
const MOST = 0.15; // of the speed, at most
const PATIENCE = 400; // milliseconds a picture may be late before the other one waits
const LOOK = 100; // milliseconds between two looks

export class Pictures extends EventTarget {
  #wanted = false;
  #held = false;
  #late = 0;
  #lead = 0;
  #led = false;
  #rate = 1;
  #turn = 0;

  /** Tells: change (anything a face shows), time, unseen (no picture can be shown), alone (the second cannot).
   * @param {HTMLVideoElement} master @param {import("./kept.js").Kept} kept */
  constructor(master, kept) {
    super();
    this.master = master;
    this.kept = kept;
    this.second = document.createElement("video");
    this.second.id = "second";
    this.second.muted = true;
    this.second.playsInline = true;
    this.second.disableRemotePlayback = true;
    this.second.hidden = true;
    this.second.setAttribute("aria-hidden", "true");
    this.second.tabIndex = -1;
    master.after(this.second);
    for (const kind of ["play", "pause", "waiting", "playing", "ratechange", "volumechange", "loadedmetadata", "progress"])
      master.addEventListener(kind, () => this.#heard(kind));
    master.addEventListener("timeupdate", () => this.#tell("time"));
    master.addEventListener("seeking", () => this.#align(true));
    master.addEventListener("seeked", () => this.#tell("time"));
    master.addEventListener("ended", () => this.#stop());
    master.addEventListener("error", () => this.#tell("unseen"));
    this.second.addEventListener("seeked", () => this.#learn());
    this.second.addEventListener("error", () => this.#lose());
    setInterval(() => this.#look(), LOOK);
  }

  get playing() {
    return this.#wanted;
  }

  get time() {
    return this.master.currentTime;
  }

  get length() {
    return Number.isFinite(this.master.duration) ? this.master.duration : 0;
  }

  get stalled() {
    return this.#wanted && (this.#held || this.master.readyState < HTMLMediaElement.HAVE_FUTURE_DATA);
  }

  /** Whether what plays has a picture that this browser can show; true as long as nobody knows. */
  get seen() {
    return this.master.readyState === 0 || this.master.videoWidth > 0;
  }

  get rate() {
    return this.#rate;
  }

  set rate(rate) {
    this.#rate = rate;
    this.master.playbackRate = rate;
    this.second.playbackRate = rate;
  }

  /** Other files, at the same place. @param {string[]} files one or two @param {number} at seconds */
  show(files, at) {
    const turn = ++this.#turn;
    const [first, second] = files;
    const place = () => {
      if (turn !== this.#turn) return;
      this.seek(at);
      this.rate = this.#rate;
      if (this.#wanted) this.play();
    };
    this.#held = false;
    if (new URL(this.master.src, location.href).pathname === new URL(first, location.href).pathname) place();
    else this.master.src = first;
    this.master.preload = "metadata";
    if (this.master.readyState === 0) {
      this.master.addEventListener("loadedmetadata", place, { once: true });
      if (this.master.networkState === HTMLMediaElement.NETWORK_IDLE) this.master.load();
    }
    this.second.hidden = !second;
    this.#lead = 0;
    if (second) {
      this.second.preload = "metadata";
      this.second.src = second;
      this.second.addEventListener("loadedmetadata", () => this.#align(true), { once: true });
    } else if (this.second.src) {
      this.second.removeAttribute("src");
      this.second.load(); // lets go of the connection and of what was loaded
    }
    this.#tell("change");
  }

  async play() {
    this.#wanted = true;
    const from = this.kept.from(this.time);
    if (this.master.ended || from === null) this.seek(0);
    if (this.master.error) this.master.load();
    this.#tell("change");
    try {
      await this.master.play();
    } catch (error) {
      // Another file or a pause came in between, which has its own play; or the browser wants a touch first.
      if (error.name === "AbortError") return;
      this.pause();
      if (error.name !== "NotAllowedError") this.#tell("unseen");
    }
  }

  pause() {
    this.#wanted = this.#held = false;
    this.master.pause();
    this.second.pause();
    this.#tell("change");
  }

  /** @param {number} at seconds; what is not shown is passed over */
  seek(at) {
    const end = this.length || Infinity;
    const place = Math.min(Math.max(0, at), end);
    this.master.currentTime = this.kept.from(place) ?? this.kept.end(end);
    this.#tell("time");
  }

  #tell(kind) {
    this.dispatchEvent(new Event(kind));
  }

  #heard(kind) {
    if (kind === "play" && !this.#held) this.#wanted = true; // a headphone's button, or a media key
    if (kind === "pause" && !this.#held && !this.master.ended && !this.master.seeking) this.#wanted = false;
    if (kind === "waiting" || kind === "pause") this.second.pause();
    if (kind === "loadedmetadata" && !this.seen) this.#tell("unseen");
    this.#tell("change");
  }

  #stop() {
    this.#wanted = false;
    this.second.pause();
    this.#tell("change");
  }

  #look() {
    if (this.#wanted && !this.master.seeking && this.master.readyState > 0) {
      const goal = this.kept.from(this.time);
      if (goal === null) this.pause();
      else if (goal !== this.time) this.seek(goal);
    }
    if (!this.second.hidden) this.#follow();
  }

  #follow() {
    const { master, second } = this;
    if (master.readyState === 0 || second.readyState === 0) return;
    const late = second.seeking || second.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    const atEnd = second.ended || second.duration - second.currentTime < 0.1;
    if (!this.#wanted || !late || atEnd) this.#late = 0;
    else if (!this.#late) this.#late = performance.now();
    const behind = this.#late > 0 && performance.now() - this.#late > PATIENCE;
    if (behind && !this.#held) {
      this.#held = true;
      master.pause();
      this.#tell("change");
    } else if (this.#held && !late) {
      this.#held = false;
      if (this.#wanted) this.play();
    }
    if (this.#wanted && !this.#held && !master.paused && !master.seeking && master.readyState > 2) {
      if (second.paused && !atEnd) second.play().catch((error) => this.#unplayed(error));
    } else if (!second.paused) second.pause();
    this.#align(false);
  }

  /** Take the drift back. @param {boolean} leap the master has just leapt */
  #align(leap) {
    const { master, second } = this;
    if (second.hidden || second.readyState === 0 || (second.seeking && !leap)) return;
    const drift = second.currentTime - master.currentTime;
    const still = second.paused || master.paused;
    if (leap || Math.abs(drift) > FAR || (still && Math.abs(drift) > CLOSE)) {
      if (Math.abs(drift) <= CLOSE) return;
      this.#led = !still && !leap;
      const goal = master.currentTime + (this.#led ? this.#lead * this.#rate : 0);
      second.currentTime = Math.min(goal, second.duration || goal);
      second.playbackRate = this.#rate;
    } else if (!still) {
      const pull = Math.abs(drift) < CLOSE ? 0 : Math.max(-MOST, Math.min(MOST, drift / PULL));
      const rate = this.#rate * (1 - pull);
      if (Math.abs(second.playbackRate - rate) > 0.01) second.playbackRate = rate;
    }
  }

  /** How long a seek takes here, so that the next one lands where the master will be then. */
  #learn() {
    if (!this.#led || this.master.paused) return;
    this.#led = false;
    const drift = (this.second.currentTime - this.master.currentTime) / this.#rate;
    this.#lead = Math.max(0, Math.min(1, this.#lead - drift / 2));
  }

  #unplayed(error) {
    if (error.name !== "AbortError" && error.name !== "NotAllowedError") this.#lose();
  }

  /** The second picture cannot be played: the lesson goes on without it. */
  #lose() {
    if (this.second.hidden || !this.second.src) return;
    this.second.hidden = true;
    if (this.#held) {
      this.#held = false;
      if (this.#wanted) this.play();
    }
    this.#tell("alone");
  }
}
