const FAST = 500; // ms between two keys of a card, also on a busy machine
const LEAST = 20; // digits that no hand types in one go

/**
 * Hears a reader of QR or bar codes, which types the digits of a card and Enter, wherever the focus is. What it typed into
 * a field is taken back, and its Enter presses nothing. The keys count, not their letters: a reader speaks as an American
 * keyboard, whatever the panel's layout makes of it.
 */
export class CardReader {
  digits = "";
  at = -Infinity;

  undo = () => {};

  /**
   * @param {() => () => void} remember called before the first digit; gives what takes the digits back
   * @param {(card: string) => void} read called with a card's digits
   */
  constructor(remember, read) {
    this.remember = remember;
    this.read = read;
  }

  /** @param {AbortSignal} signal until when */
  listen(signal) {
    addEventListener("keydown", (event) => this._hear(event), { capture: true, signal });
  }

  /** @param {KeyboardEvent} event */
  _hear(event) {
    if (event.key === "Shift") return;
    if (event.timeStamp - this.at > FAST) this.digits = "";
    this.at = event.timeStamp;
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
    if (digit !== undefined && !event.repeat) {
      if (!this.digits) this.undo = this.remember();
      this.digits += digit;
      return;
    }
    const { digits } = this;
    this.digits = "";
    if (!["Enter", "NumpadEnter"].includes(event.code) || digits.length < LEAST) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.undo();
    this.read(digits);
  }
}
