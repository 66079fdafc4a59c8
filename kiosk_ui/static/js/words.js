// The page's languages: sentences from locale/<language>.json, figures and times from Intl.

/** @type {Record<string, string>} */
export const LANGUAGES = { en: "English", fr: "Français", ar: "العربية", ur: "اردو", zh: "中文" };
const RIGHT_TO_LEFT = new Set(["ar", "ur"]);
const REMEMBERED = "darsbox-panel-language"; // a cookie, for the daemon sends the page in this language
/** @type {Intl.DateTimeFormatOptions} */
const HOUR = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
/** @type {Record<string, string>} */
const TAGS = { en: "en-GB", ar: "ar-u-nu-latn", ur: "ur-PK", zh: "zh-CN" };
const YEARS = 5 * 365 * 24 * 3600; // s

/** @param {string} language */
export function remember(language) {
  document.cookie = `${REMEMBERED}=${language}; Max-Age=${YEARS}; Path=/; SameSite=Strict`;
}

export class Words {
  /**
   * Fetches the catalogue. Rejects with TypeError or Error when the room PC does not answer.
   * @param {string} language
   * @param {string} room_tag
   */
  static async load(language, room_tag) {
    const answer = await fetch(`locale/${language}.json`);
    if (!answer.ok) throw new Error(`locale/${language}.json: ${answer.status}`);
    return new Words(language, await answer.json(), room_tag);
  }

  /**
   * @param {string} language
   * @param {Messages} messages
   * @param {string} [room_tag] the language of the room, which chooses the figures
   */
  constructor(language, messages, room_tag = "") {
    this.language = language;
    this.direction = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
    this.messages = messages;
    this.room_tag = room_tag;
    this.tag = figures(language, room_tag);
    this.plain = !RIGHT_TO_LEFT.has(language) || this.tag === TAGS[language]; // its figures are 0 to 9
  }

  /** @type {{ plural?: Intl.PluralRules, lists?: Intl.ListFormat } & Partial<Record<"numbers" | "two" | "percents", Intl.NumberFormat>> & Partial<Record<"weekdays" | "days", Intl.DateTimeFormat>>} */
  made = {};

  // Each of these takes a browser some ten milliseconds to make, on a poor panel forty, and the first of them a hundred
  // more: not before it is wanted, and not before Start can be touched.

  get plural() {
    return (this.made.plural ??= new Intl.PluralRules(this.language));
  }

  /**
   * A whole number, in the language's figures.
   * @param {number} n
   */
  number(n) {
    if (this.plain && n >= 0 && n < 999) return String(Math.round(n));
    this.made.numbers ??= new Intl.NumberFormat(this.tag, { maximumFractionDigits: 0 });
    return this.made.numbers.format(n);
  }

  /**
   * Two figures of a time.
   * @param {number} n
   */
  two(n) {
    if (this.plain) return String(n).padStart(2, "0");
    this.made.two ??= new Intl.NumberFormat(this.tag, { minimumIntegerDigits: 2, useGrouping: false });
    return this.made.two.format(n);
  }

  get percents() {
    return (this.made.percents ??= new Intl.NumberFormat(this.tag, { style: "percent", maximumFractionDigits: 0 }));
  }

  /** @param {string[]} names */
  list(names) {
    return (this.made.lists ??= new Intl.ListFormat(this.tag)).format(names);
  }

  get weekdays() {
    return (this.made.weekdays ??= new Intl.DateTimeFormat(this.tag, { weekday: "long", ...HOUR }));
  }

  get days() {
    /** @type {Intl.DateTimeFormatOptions} */
    const day = { weekday: "long", day: "numeric", month: "long" };
    return (this.made.days ??= new Intl.DateTimeFormat(this.tag, { ...day, ...HOUR }));
  }

  /** @param {string} key */
  has(key) {
    return key in this.messages;
  }

  /**
   * The sentence of a key. `n` chooses the plural form and is written in the language's figures; names are isolated,
   * so that a French title does not tear an Arabic sentence apart.
   * @param {string} key
   * @param {Values} [values]
   * @returns {string}
   */
  t(key, values = {}) {
    const found = this.messages[key];
    if (found === undefined) {
      console.error(`No sentence for ${key} in ${this.language}`);
      return key;
    }
    const text = typeof found === "string" ? found : (found[this.plural.select(values.n)] ?? found.other);
    return text.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name];
      return typeof value === "number" ? this.number(value) : `\u2068${value ?? "?"}\u2069`;
    });
  }

  /**
   * A time of the day, in all our languages 10:02.
   * @param {Date | number} at a Date, or Unix milliseconds
   */
  clock(at) {
    const date = new Date(at);
    return `${this.two(date.getHours())}:${this.two(date.getMinutes())}`;
  }

  /** @param {Date | number} at */
  clock_with_seconds(at) {
    return `${this.clock(at)}:${this.two(new Date(at).getSeconds())}`;
  }

  /**
   * 2537 → 0:42:17
   * @param {number} seconds
   */
  stopwatch(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const hours = this.number(Math.floor(whole / 3600));
    return `${hours}:${this.two(Math.floor(whole / 60) % 60)}:${this.two(whole % 60)}`;
  }

  /**
   * 2881 → 48 minutes, as people say it; under a minute in seconds.
   * @param {number} seconds
   */
  length(seconds) {
    if (seconds < 60) return this.t("length.seconds", { n: Math.floor(seconds) });
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return this.t("length.minutes", { n: minutes });
    const hours = this.t("length.hours", { n: Math.floor(minutes / 60) });
    const rest = minutes % 60;
    return rest ? this.t("length.both", { hours, minutes: this.t("length.minutes", { n: rest }) }) : hours;
  }

  /**
   * A time ahead, as people say it: 02:10, Thursday 03:10, Thursday 3 December 03:10.
   * @param {number} at Unix milliseconds
   */
  soon(at) {
    const days = (at - Date.now()) / 86_400_000;
    const same_day = new Date(at).toDateString() === new Date().toDateString();
    if (same_day) return this.clock(at);
    return (days < 6 ? this.weekdays : this.days).format(at);
  }

  /**
   * Saturday 21 November at 10:02: what a lesson is called until someone says better.
   * @param {Date} now
   */
  today(now) {
    const text = this.days.format(now);
    return text.charAt(0).toLocaleUpperCase(this.language) + text.slice(1);
  }
}

/**
 * The tag for Intl. The room chooses the figures: "ar-EG" has ٤٢, a bare "ar" has 42 as the Maghreb writes, "ur-IN" ۴۲.
 * @param {string} language
 * @param {string} room_tag
 */
function figures(language, room_tag) {
  if (room_tag !== language && room_tag.split("-")[0] === language) return room_tag;
  return TAGS[language] ?? language;
}
