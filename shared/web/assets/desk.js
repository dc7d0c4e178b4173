// The desk's own script: keys, forms in rows of their own, filters that show at once, the browser's time zone. What it
// does is a shorter way to what links and forms do without it.
"use strict";
(() => {
  const root = document.documentElement, body = document.body;
  const all = (what, where = document) => [...where.querySelectorAll(what)];
  root.classList.add("scripted");

  // A page that answers a refused form stands at the form's address: reloading it shows the list.
  if (body.dataset.here) history.replaceState(null, "", body.dataset.here);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `stepdown_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
  const seen = () => document.querySelector(".rail [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  seen();

  // Filters show at once; the rail is the page's own, and goes with the filter by a whole page.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form.narrow");
    if (form) form.requestSubmit();
  });
  // Empty fields of a filter stay out of the address.
  document.addEventListener("formdata", (event) => {
    if (event.target.matches("form.narrow")) for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
  });

  // One menu and one form at a time.
  document.addEventListener("toggle", (event) => {
    if (event.target.open) for (const each of all("details.more[open], details.view[open]")) if (each !== event.target) each.open = false;
  }, true);
  document.addEventListener("click", (event) => {
    for (const each of all("details.more[open], details.view[open]")) if (!each.contains(event.target)) each.open = false;
    if (event.target.closest("a.close")) { event.preventDefault(); shut(); }
  });
  function shut() {
    const form = document.querySelector("tr.form");
    if (!form) return false;
    const row = form.previousElementSibling;
    form.remove();
    (row?.querySelector("td.acts .act, td.acts summary") || row)?.focus();
    return true;
  }
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.matches("tr.row")) {
      for (const each of all("tr.form")) each.remove();
      for (const each of all("details.more[open]")) each.open = false;
    }
  });
  // What a reader asked for and cannot be shown in its place is shown as a page, which says why.
  document.addEventListener("htmx:responseError", (event) => {
    const asked = event.detail.requestConfig, byItself = asked.headers["Stepdown-By-Itself"];
    if (asked.verb === "get" && !byItself && asked.triggeringEvent) location.assign(event.detail.pathInfo.finalRequestPath);
  });
  // What another service was asked for and does not say is told in words; the rest of the page stands.
  for (const failed of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(failed, (event) => {
    const place = event.detail.elt.closest?.("[data-unanswered]");
    if (place) place.querySelector("[role=status]").textContent = place.dataset.unanswered;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const list = document.getElementById("list");
    if (list?.dataset.title) document.title = list.dataset.title;
    if (event.detail.elt.closest?.(".rail")) seen(); // another service's lists came
    begin();
  });
  function begin() { // in the form that is open
    const form = document.querySelector("tr.form");
    if (form && !form.contains(document.activeElement)) (form.querySelector("[data-first]") || form.querySelector("select, input:not([type=hidden]), button"))?.focus();
  }
  begin();

  // After an act in a list the next row is ready: where the row left the list, the one in its place, else the one after.
  const DONE = "stepdown_done";
  document.addEventListener("submit", (event) => {
    const row = event.target.closest("tr.row, tr.form"), every = all("tr.row");
    if (!row || event.target.method !== "post") return;
    const at = every.indexOf(row.matches(".form") ? row.previousElementSibling : row);
    sessionStorage.setItem(DONE, JSON.stringify({ at, many: every.length, page: location.pathname + location.search }));
  });
  addEventListener("load", () => {
    const done = JSON.parse(sessionStorage.getItem(DONE) || "null");
    sessionStorage.removeItem(DONE);
    if (!done || !document.querySelector(".notice.good") || done.page.split("&open=")[0] !== location.pathname + location.search) return;
    const every = all("tr.row"), next = every[every.length < done.many ? done.at : done.at + 1] || every[0];
    (next?.querySelector("td.acts .main, .person a") || next)?.focus();
  });

  // Keys. Not while somebody types, and not with a modifier: those are the browser's and the screen reader's.
  const rows = () => all("tr.row");
  const here = () => document.activeElement?.closest?.("tr.row, tr.form");
  function go(step) {
    const every = rows(), now = here(), at = now ? every.indexOf(now.matches(".form") ? now.previousElementSibling : now) : -1;
    const next = every[at < 0 ? (step > 0 ? 0 : every.length - 1) : at + step];
    if (!next) return;
    (next.querySelector(".person a") || next).focus();
    next.scrollIntoView({ block: "nearest" });
  }
  const in_row = (what) => here()?.querySelector(what)?.click();
  const KEYS = {
    "j": () => go(1),
    "k": () => go(-1),
    "o": () => in_row(".person a"),
    "a": () => in_row("td.acts .button, td.acts button"),
    "x": () => in_row("input[data-mark]"),
    "?": () => document.querySelector("dialog.keys")?.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      const menu = document.querySelector("details.more[open], details.view[open]");
      if (menu) { menu.open = false; menu.querySelector("summary").focus(); } else if (!document.querySelector("dialog[open]")) shut();
      return;
    }
    if (event.target.closest("input:not([type=checkbox]), select, textarea, dialog, [contenteditable]")) return;
    const act = KEYS[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  document.addEventListener("change", (event) => {
    if (!event.target.dataset.mark) return;
    const whole = event.target.dataset.mark === "all" ? event.target.closest("table") : null;
    if (whole) for (const each of all("tr.row input[data-mark]", whole)) each.checked = event.target.checked;
    marked();
  });
  // How many rows are marked; the bar is there while any is.
  function marked() {
    const bar = document.getElementById("many"), number = all("tr.row input[data-mark]:checked").length;
    if (!bar) return;
    bar.classList.toggle("on", number > 0);
    const told = bar.querySelector(".count");
    told.textContent = told.dataset.one.replace("{count}", number);
  }
  document.addEventListener("htmx:afterSettle", marked);
  marked();
})();
