// The box that finds a patient (find-box.html): answers below it while somebody types, by arrows and Enter; `/` goes
// there. What is asked is sent in a form's body and is in no address. The pattern is the ARIA combobox with a listbox.
"use strict";
(() => {
  const form = document.querySelector("form[data-find]");
  if (!form) return;
  const box = form.elements.q;
  const found = form.querySelector(".found");
  const LEAST = 3; // characters
  const WAIT = 250; // milliseconds without a key
  let asked = "";
  let waiting = 0;
  let chosen = -1;
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", "find-list"]]) {
    box.setAttribute(name, value);
  }

  const options = () => [...found.querySelectorAll("[role=option]")];

  function choose(place) {
    const all = options();
    chosen = all.length ? (place + all.length) % all.length : -1;
    all.forEach((each, at) => each.setAttribute("aria-selected", String(at === chosen)));
    if (chosen < 0) box.removeAttribute("aria-activedescendant");
    else {
      box.setAttribute("aria-activedescendant", all[chosen].id);
      all[chosen].scrollIntoView({ block: "nearest" });
    }
  }

  function show(open) {
    found.hidden = !open;
    chosen = -1;
    box.removeAttribute("aria-activedescendant");
    box.setAttribute("aria-expanded", String(open && options().length > 0));
  }

  async function ask() {
    const text = box.value.trim();
    if (text === asked) return show(true);
    asked = text;
    let told = "";
    try {
      const answer = await fetch(form.action, {
        method: "POST", headers: { "HX-Request": "true" }, body: new URLSearchParams(new FormData(form)),
        credentials: "same-origin", cache: "no-store",
      });
      if ((answer.headers.get("content-type") || "").startsWith("text/html")) told = await answer.text();
    } catch { /* said below */ }
    if (text !== asked || text !== box.value.trim()) return undefined; // somebody typed on meanwhile
    if (told) found.innerHTML = told;
    else {
      found.textContent = found.dataset.away;
      asked = "";
    }
    return show(true);
  }

  box.addEventListener("input", () => {
    clearTimeout(waiting);
    if (box.value.trim().length < LEAST) show(false);
    else waiting = setTimeout(ask, WAIT);
  });
  box.addEventListener("keydown", (event) => {
    const open = !found.hidden && options().length > 0;
    if (event.key === "ArrowDown" && open) choose(chosen + 1);
    else if (event.key === "ArrowUp" && open) choose(chosen < 0 ? -1 : chosen - 1);
    else if (event.key === "Enter" && open && chosen >= 0) options()[chosen].click();
    else if (event.key === "Escape" && !found.hidden) show(false);
    else return;
    event.preventDefault();
  });
  form.addEventListener("focusout", (event) => { if (!form.contains(event.relatedTarget)) show(false); });
  found.addEventListener("mousedown", (event) => event.preventDefault()); // the box keeps the focus
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
})();
