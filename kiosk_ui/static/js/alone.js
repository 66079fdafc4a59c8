// On the room's own screen the browser is the panel and nothing else: a keyboard on the desk, a clicker or a finger that
// rests must not open a window over it, for nobody there would know how to close it. Chromium leaves every key to a page
// that was opened as an app (kiosk_ui/screen.py); in a browser's tab, where somebody tries the panel, all stays as it is.

const EDITING = new Set(["KeyA", "KeyC", "KeyV", "KeyX", "KeyY", "KeyZ"]); // by place: they have other letters in Arabic
const MOVING = /^(Arrow|Home$|End$|Backspace$)/;
const MODIFIERS = new Set(["Alt", "Control", "Meta", "Shift"]);
const NEVER_TYPED = /^(F\d+|Browser.*|Launch.*|ContextMenu)$/;

/**
 * Whether a key is an order to the browser and not to the page.
 * @param {KeyboardEvent} event
 */
export function for_the_browser(event) {
  const { altKey, code, ctrlKey, key, metaKey, shiftKey } = event;
  if (NEVER_TYPED.test(key)) return true;
  if (MODIFIERS.has(key) || event.getModifierState("AltGraph")) return false; // with AltGr it types a letter
  if (ctrlKey && !metaKey) return !(MOVING.test(key) || (EDITING.has(code) && (!shiftKey || code === "KeyZ")));
  return altKey || metaKey || (shiftKey && key === "Escape"); // the last: its list of tasks
}

/** Once. */
export function keep_the_browser_away() {
  if (!matchMedia("(display-mode: standalone)").matches) return;
  const refuse = (/** @type {Event} */ event) => event.preventDefault();
  addEventListener("keydown", (event) => for_the_browser(event) && refuse(event), { capture: true });
  addEventListener("contextmenu", refuse, { capture: true });
  addEventListener("auxclick", refuse, { capture: true }); // the middle button opens what is touched in a new window
  addEventListener("wheel", (event) => event.ctrlKey && refuse(event), { capture: true, passive: false });
}
