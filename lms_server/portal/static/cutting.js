// The form by which staff trim, cut and split: while it is open everything is played, and a touch takes the place that is
// on the screen.

import { clock } from "./bar.js";

/** @param {import("./pictures.js").Pictures} pictures @param {import("./kept.js").Kept} kept */
export function cut(pictures, kept) {
  const form = document.getElementById("parts");
  if (!form) return;
  const details = form.closest("details");
  details.addEventListener("toggle", () => (kept.off = details.open));
  for (const here of form.querySelectorAll(".here")) {
    here.hidden = false;
    here.addEventListener("click", () => {
      const tenths = Math.round(pictures.time * 10);
      here.previousElementSibling.value = clock(tenths / 10) + (tenths % 10 ? `.${tenths % 10}` : "");
    });
  }
}
