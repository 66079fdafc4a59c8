// The page's languages: sentences from locale/<language>.json, figures and times from Intl.

export const LANGUAGES = { en: "English", fr: "Français", ar: "العربية", ur: "اردو", zh: "中文" };
const RIGHT_TO_LEFT = new Set(["ar", "ur"]);
const REMEMBERED = "darsbox-panel-language"; // a cookie, for the daemon sends the page in this language
const HOUR = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const YEARS = 5 * 365 * 24 * 3600; // s

export function remember(language) {
  document.cookie = `${REMEMBERED}=${language}; Max-Age=${YEARS}; Path=/; SameSite=Strict`;
}

export class Words {
  /** Fetches the catalogue. Rejects with TypeError or Error when the room PC does not answer. */
  static async load(language, room_tag) {
    const answer = await fetch(`locale/${language}.json`);
    if (!answer.ok) throw new Error(`locale/${language}.json: ${answer.status}`);
    return new Words(language, await answer.json(), room_tag);
  }

  constructor(language, messages, room_tag = "") {
    this.language = language;
    this.direction = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
    this.messages = messages;
    this.room_tag = room_tag;
    this.tag = figures(language, room_tag);
  }

  // Each of these takes a browser some ten milliseconds to make, on a poor panel forty: not before it is wanted.

  get plural() {
    return (this._plural ??= new Intl.PluralRules(this.language));
  }

  get numbers() {
    return (this._numbers ??= new Intl.NumberFormat(this.tag, { maximumFractionDigits: 0 }));
  }

  get two() {
    return (this._two ??= new Intl.NumberFormat(this.tag, { minimumIntegerDigits: 2, useGrouping: false }));
  }

  get percents() {
    return (this._percents ??= new Intl.NumberFormat(this.tag, { style: "percent", maximumFractionDigits: 0 }));
  }

  get weekdays() {
    return (this._weekdays ??= new Intl.DateTimeFormat(this.tag, { weekday: "long", ...HOUR }));
  }

  get days() {
    const day = { weekday: "long", day: "numeric", month: "long" };
    return (this._days ??= new Intl.DateTimeFormat(this.tag, { ...day, ...HOUR }));
  }

  has(key) {
    return key in this.messages;
  }

  /**
   * The sentence of a key. `n` chooses the plural form and is written in the language's figures; names are isolated,
   * so that a French title does not tear an Arabic sentence apart.
   */
  t(key, values = {}) {
    let text = this.messages[key];
    if (text === undefined) {
      console.error(`No sentence for ${key} in ${this.language}`);
      return key;
    }
    if (typeof text !== "string") text = text[this.plural.select(values.n)] ?? text.other;
    return text.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name];
      return typeof value === "number" ? this.numbers.format(value) : `\u2068${value ?? "?"}\u2069`;
    });
  }

  /** A time of the day, in all our languages 10:02; at: a Date, or Unix milliseconds. */
  clock(at) {
    const date = new Date(at);
    return `${this.two.format(date.getHours())}:${this.two.format(date.getMinutes())}`;
  }

  clock_with_seconds(at) {
    return `${this.clock(at)}:${this.two.format(new Date(at).getSeconds())}`;
  }

  /** 2537 → 0:42:17 */
  stopwatch(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const hours = this.numbers.format(Math.floor(whole / 3600));
    return `${hours}:${this.two.format(Math.floor(whole / 60) % 60)}:${this.two.format(whole % 60)}`;
  }

  /** 2881 → 48 minutes, as people say it; under a minute in seconds. */
  length(seconds) {
    if (seconds < 60) return this.t("length.seconds", { n: Math.floor(seconds) });
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return this.t("length.minutes", { n: minutes });
    const hours = this.t("length.hours", { n: Math.floor(minutes / 60) });
    const rest = minutes % 60;
    return rest ? this.t("length.both", { hours, minutes: this.t("length.minutes", { n: rest }) }) : hours;
  }

  /** Unix milliseconds of a time ahead, as people say it: 02:10, Thursday 03:10, Thursday 3 December 03:10. */
  soon(at) {
    const days = (at - Date.now()) / 86_400_000;
    const same_day = new Date(at).toDateString() === new Date().toDateString();
    if (same_day) return this.clock(at);
    return (days < 6 ? this.weekdays : this.days).format(at);
  }

  /** Saturday 21 November at 10:02: what a lesson is called until someone says better. */
  today(now) {
    const text = this.days.format(now);
    return text.charAt(0).toLocaleUpperCase(this.language) + text.slice(1);
  }
}

/** The tag for Intl. The room chooses the figures: "ar-EG" has ٤٢, a bare "ar" has 42 as the Maghreb writes, "ur-IN" ۴۲. */
function figures(language, room_tag) {
  if (room_tag !== language && room_tag.split("-")[0] === language) return room_tag;
  return { en: "en-GB", ar: "ar-u-nu-latn", ur: "ur-PK", zh: "zh-CN" }[language] ?? language;
}
