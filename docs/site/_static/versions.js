// Makes the version in the sidebar a choice of all versions that stand beside this one. Their list is a
// script of its own, one level up, so that it also works for pages that are opened as files.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector(".maitred-versions");
  if (!box) return;
  const root = new URL(box.dataset.root, document.baseURI);
  const list = document.createElement("script");
  list.src = new URL("versions.js", root).href;
  list.addEventListener("load", () => {
    const select = box.querySelector("select");
    const shown = select.value;
    select.replaceChildren(
      ...window.MAITRED_VERSIONS.map((version) => new Option(version, version, false, version === shown)),
    );
    select.disabled = false;
    select.addEventListener("change", () => {
      location.href = new URL(`${select.value}/index.html`, root).href;
    });
  });
  document.head.append(list);
});
