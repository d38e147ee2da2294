
"use strict";
// The server renders; this replaces what has changed, and shows stacks. Without it the page is the
// same, and loads itself again.
const byId = (id) => document.getElementById(id);
const say = (text) => { if (byId("live").textContent !== text) byId("live").textContent = text; };

function replace(name, html) {
  const place = byId(name);
  const selected = document.getSelection();
  // Whoever is copying something is not disturbed.
  if (!selected.isCollapsed && place.contains(selected.anchorNode)) return;
  const focused = place.contains(document.activeElement) && document.activeElement.dataset.stack;
  place.innerHTML = html;
  if (focused) {
    const again = [...place.querySelectorAll("[data-stack]")].find((it) => it.dataset.stack === focused);
    if (again) again.focus();
  }
}

let source;
let retry;
function listen() {
  clearTimeout(retry);
  if (source) source.close();
  source = new EventSource("events");
  source.onopen = () => say("live");
  source.onerror = () => {
    say("not live: trying again");
    // Refused, because enough others look: a browser does not try again by itself.
    if (source.readyState === EventSource.CLOSED) retry = setTimeout(listen, 10000);
  };
  for (const name of ["state", "plots", "threads", "connections", "failures"]) {
    source.addEventListener(name, (event) => replace(name, event.data));
  }
}

async function showStack(id, title) {
  byId("stack-title").textContent = title;
  byId("stack-text").textContent = "…";
  byId("stack").showModal();
  try {
    const page = await (await fetch("?stacks=1")).text();
    const found = new DOMParser().parseFromString(page, "text/html").getElementById(id);
    byId("stack-text").textContent = found ? found.textContent : "It has ended.";
  } catch (error) {
    byId("stack-text").textContent = "The server does not answer: " + error.message;
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-stack]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  showStack(link.dataset.stack, link.textContent + ": " + link.closest("tr").cells[1].textContent);
});

// A page that nobody sees takes no stream from one that somebody does.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return listen();
  clearTimeout(retry);
  source.close();
});

if (!location.search) listen();
