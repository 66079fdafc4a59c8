// What a browser remembers of its reader: speed, quality, layout, captions, volume, and the place in each lesson. A
// browser that keeps nothing (a private window, a full disk) plays all the same.

const PREFIX = "darsbox.";
const WORTH = 3; // seconds from either end within which a place is the beginning, or the end

/** @param {string} name @returns {any} undefined when nothing is known */
export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name) ?? "null") ?? undefined;
  } catch (error) {
    if (error instanceof DOMException || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** @param {string} name @param {any} value null forgets it */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

/** The place in one lesson, in seconds; 0 when it is to begin. */
export class Place {
  /** @param {string} whose reader and lesson @param {number} length seconds */
  constructor(whose, length) {
    this.name = `place.${whose}`;
    this.length = length;
  }

  get at() {
    const at = Number(recall(this.name) ?? 0);
    return at > WORTH && (!this.length || at < this.length - WORTH) ? at : 0;
  }

  /** @param {number} at */
  keep(at) {
    const inside = at > WORTH && (!this.length || at < this.length - WORTH);
    remember(this.name, inside ? Math.round(at * 10) / 10 : null);
  }
}
