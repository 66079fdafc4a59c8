// The keyboard, as players everywhere have it. A key means the same wherever the focus is, but for fields in which one
// types, and for the keys by which buttons and links are pressed.

const STEP = 5; // seconds of an arrow
const LOUDER = 0.1;

/** @param {import("./bar.js").Bar} bar */
export function listen(bar) {
  const deeds = {
    k: () => bar.toggle(),
    j: () => bar.jump(-10),
    l: () => bar.jump(10),
    ArrowLeft: () => bar.jump(-STEP),
    ArrowRight: () => bar.jump(STEP),
    ArrowUp: () => bar.louder(LOUDER),
    ArrowDown: () => bar.louder(-LOUDER),
    "<": () => bar.faster(-1),
    ">": () => bar.faster(1),
    m: () => bar.mute(),
    c: () => bar.captions(),
    v: () => bar.pictures.second.hidden || bar.arrange(),
    x: () => bar.swap(),
    f: () => bar.enlarge(),
    "?": () => bar.help(),
    "؟": () => bar.help(),
  };

  /** The Latin letter on the key, on an Arabic keyboard too. @param {KeyboardEvent} event */
  function meaning(event) {
    if (/^[0-9٠-٩]$/.test(event.key)) return "digit";
    if (event.key in deeds) return event.key;
    if (event.key === " ") return "k";
    const letter = event.key.toLowerCase();
    if (letter in deeds) return letter;
    return /^[a-z]$/.test(letter) ? "" : (/^Key([A-Z])$/.exec(event.code)?.[1].toLowerCase() ?? "");
  }

  document.addEventListener("keydown", (event) => {
    const where = event.target instanceof Element ? event.target : document.body;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (where.closest("input:not([type=range]), textarea, select, [contenteditable]")) return;
    if (where.closest("dialog[open]") && event.key !== "?") return;
    if (event.key === " " && where.closest("button, a, summary, [role=button]")) return;
    const key = meaning(event);
    const scrolls = key === "ArrowUp" || key === "ArrowDown";
    if (scrolls && !bar.stage.contains(where)) return; // the page's own
    if (key === "digit") {
      const digit = event.key.charCodeAt(0) & 0xf; // 0-9 of both sets end in their figure
      bar.pictures.seek((bar.length * digit) / 10);
    } else if (key in deeds) deeds[key]();
    else return;
    event.preventDefault();
  });
}
