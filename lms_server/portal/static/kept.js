// Which stretches of a lesson are shown. What was cut away is still in the files; the player passes over it.

export class Kept {
  /** @param {{at: number, seconds: number}[]} parts ascending; none means everything */
  constructor(parts) {
    this.parts = parts;
    this.off = false;
  }

  /** Where to go instead of a place: itself, the next part that is shown, or null behind the last one.
   * @param {number} at seconds @returns {number | null} */
  from(at) {
    if (this.off || !this.parts.length) return at;
    for (const part of this.parts) {
      if (at < part.at - 0.05) return part.at;
      if (at < part.at + part.seconds) return at;
    }
    return null;
  }

  /** Where the last part ends. @param {number} length */
  end(length) {
    const last = this.parts.at(-1);
    return last ? last.at + last.seconds : length;
  }

  /** What is not shown. @param {number} length @returns {{at: number, seconds: number}[]} */
  cut(length) {
    const cuts = [];
    let begins = 0;
    for (const part of [...this.parts, { at: length, seconds: 0 }]) {
      if (this.parts.length && part.at > begins) cuts.push({ at: begins, seconds: part.at - begins });
      begins = part.at + part.seconds;
    }
    return cuts;
  }
}
