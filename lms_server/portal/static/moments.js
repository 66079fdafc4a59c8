// Places in the lesson: chapters, gaps and the timeline lead to them, the present chapter is marked, and where the slides
// are in a small file each chapter gets its picture from there.

const WIDTH = 320; // pixels of a picture
const AFTER = 0.2; // seconds after a chapter's beginning at which its picture surely shows

/** @param {import("./pictures.js").Pictures} pictures @param {number} length seconds */
export function lead(pictures, length) {
  for (const moment of document.querySelectorAll("[data-at]")) {
    moment.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      go(pictures, Number(moment.getAttribute("data-at")));
    });
  }
  const timeline = document.getElementById("timeline");
  if (timeline) follow(timeline, pictures, length);
  mark(pictures);
}

function go(pictures, seconds) {
  pictures.seek(seconds);
  pictures.play();
  pictures.master.scrollIntoView({ block: "nearest" });
}

function follow(timeline, pictures, length) {
  const playhead = document.getElementById("playhead");
  document.documentElement.classList.add("seeks");
  timeline.addEventListener("click", (event) => {
    const box = timeline.getBoundingClientRect();
    go(pictures, length * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  });
  pictures.addEventListener("time", () => {
    const place = `${Math.min(100, (100 * pictures.time) / length)}%`;
    playhead.setAttribute("x1", place);
    playhead.setAttribute("x2", place);
  });
}

/** The chapter that is on. */
function mark(pictures) {
  const chapters = [...document.querySelectorAll("#moments [data-at]")];
  let on = null;
  pictures.addEventListener("time", () => {
    const now = chapters.findLast((chapter) => Number(chapter.dataset.at) <= pictures.time + 0.05) ?? null;
    if (now === on) return;
    on?.removeAttribute("aria-current");
    now?.setAttribute("aria-current", "true");
    on = now;
  });
}

/** Pictures beside the chapters, as they come into sight, one after the other.
 * @param {string} file whose pictures they are */
export function picture(file) {
  const list = document.getElementById("moments");
  if (!list) return;
  const film = document.createElement("video");
  const waiting = [];
  let busy = null;

  const next = () => {
    busy = waiting.shift() ?? null;
    if (busy) film.currentTime = Math.min(Number(busy.dataset.at) + AFTER, film.duration || Infinity);
  };
  const sight = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      sight.unobserve(target);
      waiting.push(target);
    }
    if (!busy) next();
  });
  film.addEventListener("seeked", () => {
    const canvas = busy?.querySelector("canvas");
    if (canvas) {
      canvas.width = WIDTH;
      canvas.height = Math.round((WIDTH * film.videoHeight) / film.videoWidth);
      canvas.getContext("2d").drawImage(film, 0, 0, canvas.width, canvas.height);
    }
    next();
  });
  film.addEventListener(
    "loadeddata",
    () => {
      if (!film.videoWidth) return;
      list.classList.add("pictured");
      for (const chapter of list.querySelectorAll("[data-at]")) {
        const canvas = document.createElement("canvas");
        canvas.setAttribute("aria-hidden", "true");
        chapter.prepend(canvas);
        sight.observe(chapter);
      }
    },
    { once: true },
  );
  film.muted = true;
  film.preload = "auto";
  film.src = file;
}
