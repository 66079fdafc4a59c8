// Narrow the table while typing. Without this file the form's button does the same with a page of its own.

const form = document.querySelector(".filter");
const found = document.getElementById("found");
const PATIENCE = 250; // milliseconds after the last key
let timer = 0;
let asked = new AbortController();

async function narrow() {
  const query = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...query]) if (!value.trim()) query.delete(name);
  const address = query.size ? `${form.action}?${query}` : form.action;
  asked.abort();
  asked = new AbortController();
  found.classList.add("busy");
  try {
    const answer = await fetch(address, { signal: asked.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("found");
    if (!fresh) {
      location.assign(answer.url); // logged out meanwhile, or an error: the whole page says it better
      return;
    }
    found.replaceChildren(...fresh.childNodes);
    history.replaceState(null, "", address);
  } catch (error) {
    if (error.name === "AbortError") return;
    form.submit();
  }
  found.classList.remove("busy");
}

form.addEventListener("input", (event) => {
  if (!event.target.name) return; // it shows more fields, and says nothing
  clearTimeout(timer);
  timer = setTimeout(narrow, event.target.type === "search" ? PATIENCE : 0);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  narrow();
});
