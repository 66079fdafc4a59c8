// What the player can do beyond its own controls: change the source without losing the place, jump to marks and gaps,
// and show the place on the timeline. Without this file every one of them is a plain link.

const player = document.getElementById("player");
const timeline = document.getElementById("timeline");
const playhead = document.getElementById("playhead");
const choices = [...document.querySelectorAll(".choices a")];

/** @param {number} seconds */
function seek(seconds) {
  player.currentTime = seconds;
  player.play().catch(() => {
    // The browser wants a touch on the player itself first; the place is set all the same.
  });
  player.scrollIntoView({ block: "nearest" });
}

/** @param {HTMLElement} choice */
function choose(choice) {
  const at = player.currentTime;
  const playing = !player.paused;
  player.classList.toggle("sound", choice.dataset.kind === "audio");
  player.setAttribute("aria-label", choice.textContent.trim());
  player.src = choice.dataset.file;
  player.addEventListener(
    "loadedmetadata",
    () => {
      player.currentTime = Math.min(at, player.duration || at);
      if (playing) player.play().catch(() => {});
    },
    { once: true },
  );
  for (const other of choices) {
    if (other === choice) other.setAttribute("aria-current", "true");
    else other.removeAttribute("aria-current");
  }
  const address = new URL(location.href);
  address.searchParams.set("source", choice.dataset.name);
  address.searchParams.delete("t");
  history.replaceState(null, "", address);
}

/** A browser without H.265 plays such a file's sound and shows nothing, or refuses it; why, it does not say. */
const unseen = document.getElementById("unseen");
function look() {
  const blind = player.readyState > 0 && !player.videoWidth && !player.classList.contains("sound");
  unseen.hidden = !blind && player.error?.code !== MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED;
}
player.addEventListener("loadedmetadata", look);
player.addEventListener("error", look);
look();

for (const choice of choices) {
  choice.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(choice);
  });
}

for (const moment of document.querySelectorAll("[data-at]")) {
  moment.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    seek(Number(moment.getAttribute("data-at")));
  });
}

if (timeline) {
  const length = Number(timeline.dataset.seconds);
  document.documentElement.classList.add("seeks");
  timeline.addEventListener("click", (event) => {
    const box = timeline.getBoundingClientRect();
    seek(length * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  });
  player.addEventListener("timeupdate", () => {
    const place = `${Math.min(100, (100 * player.currentTime) / length)}%`;
    playhead.setAttribute("x1", place);
    playhead.setAttribute("x2", place);
  });
}
