// What changed on the page shows itself (GET /live, server-sent events): the list is asked for again where nobody is at
// work in it, else a button says that there is something new. Of a browser's pages one listens for all.
"use strict";
(() => {
  const place = document.getElementById("live");
  if (!place || !window.EventSource) return;
  const base = place.dataset.base, streams = place.dataset.streams.split(" ");
  const OFTEN = 3000; // ms between two times that the list, or the rail, is asked for again
  const QUIET = 50000; // ms without a sign of life (one comes every 20 s) until a stream counts as lost
  const BY_ITSELF = { "Stepdown-By-Itself": "1" }; // an open page that nobody uses does not keep its session
  const SHORT = 1000, LONG = 60000; // ms before a stream is opened again: at first, at most
  const LATER = 10000; // ms until the list is asked for again where it could not be had
  const KEPT = 15000; // ms for which what was heard is told to pages that have just been opened
  const shownAt = performance.timeOrigin + (performance.getEntriesByType("navigation")[0]?.responseStart || 0);

  // One page listens, and tells the others: browsers open six connections to a host, and each stream takes one.
  const others = window.BroadcastChannel ? new BroadcastChannel("stepdown-live") : null;
  const recent = [], closing = [];
  let listening = false, release = () => {};

  function listen(address, since) {
    let heard = Date.now(), wait = SHORT, stream, opening;
    const heardNow = () => { heard = Date.now(); };
    const age = () => Math.max(0, Math.ceil((Date.now() - since) / 1000));
    function open() {
      stream = new EventSource(`${address}?age=${age()}`);
      heard = Date.now();
      stream.addEventListener("beat", () => { heardNow(); since = heard; wait = SHORT; });
      for (const kind of ["changed", "refresh"]) {
        stream.addEventListener(kind, (event) => { heardNow(); since = heard; tell({ at: address, kind, ...JSON.parse(event.data) }); });
      }
      stream.addEventListener("ended", () => { tell({ at: address, kind: "ended" }); end(); });
      stream.onerror = again;
    }
    function again() { // also after 401, 403, 429 and 503: another time it may be otherwise
      stream.close();
      clearTimeout(opening);
      opening = setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, LONG);
      heard = Date.now() + wait;
    }
    const timer = setInterval(() => { if (Date.now() - heard > QUIET) again(); }, 5000);
    closing.push(() => { clearInterval(timer); clearTimeout(opening); stream.close(); });
    open();
  }
  function end() { // the session is over: another page listens, if somebody signs in again
    for (const close of closing.splice(0)) close();
    listening = false;
    release();
  }
  function tell(told) {
    const now = Date.now();
    while (recent.length && recent[0][0] < now - KEPT) recent.shift();
    recent.push([now, told]);
    others?.postMessage(told);
    hear(told);
  }
  function begin() {
    listening = true;
    for (const address of others && navigator.locks ? streams : [`${base}/live`]) listen(address, shownAt);
  }
  if (others && navigator.locks) {
    others.onmessage = ({ data }) => {
      if (data.kind === "bye") end();
      else if (data.kind !== "hello") hear(data);
      else if (listening) for (const [at, told] of recent) if (at >= data.since) others.postMessage(told);
    };
    others.postMessage({ kind: "hello", since: shownAt - 1000 });
    navigator.locks.request("stepdown-live", () => { begin(); return new Promise((done) => { release = done; }); });
  } else begin();
  document.querySelector("form.leave")?.addEventListener("submit", () => { others?.postMessage({ kind: "bye" }); end(); });

  // What is new on this page: whose rows, or something.
  const who = new Set(), title = document.title, last = new Map(), due = new Map();
  let some = false;
  const list = () => document.getElementById("list"), own = `${base}/live`;

  function hear(told) {
    if (told.kind === "ended") return say(place.dataset.ended);
    const free = document.body.dispatchEvent(new CustomEvent("stepdown:changed", { detail: told, bubbles: true, cancelable: true }));
    if (!free) return;
    const here = told.at === own && isHere(told);
    if (!here || !list() || !window.htmx) soon(`rail ${told.at}`, () => rail(told.at)); // else it comes with the list
    if (!here) return;
    for (const patient of told.patients || []) who.add(patient);
    some = some || !(told.patients || []).length;
    soon("list", show);
  }

  // Whether a list on the page, or a patient on it, is among what changed.
  function isHere({ kind, lists = [], patients }) {
    const shown = new URLSearchParams(location.search).get("list");
    if (kind === "refresh") return true;
    if (shown ? lists.includes(shown) : lists.length) return true;
    const here = [...document.querySelectorAll("#list [data-patient], main[data-patient]")].map((each) => each.dataset.patient);
    return here.length > 0 && (patients ? patients.some((each) => here.includes(each)) : true);
  }

  // At once, and then not again before its time.
  function soon(what, work) {
    if (due.has(what)) return;
    const wait = Math.max(0, (last.get(what) || 0) + OFTEN - Date.now());
    due.set(what, setTimeout(() => { due.delete(what); last.set(what, Date.now()); work(); }, wait));
  }

  // Somebody is at work in the list: a form or menu is open, a row is marked or under the pointer, text is typed.
  function isBusy() {
    const where = list();
    if (!where || document.querySelector("dialog[open]")) return Boolean(where);
    const typing = document.activeElement?.closest("#list input:not([type=checkbox]), #list select, #list textarea");
    const selected = getSelection();
    const reads = selected && !selected.isCollapsed && where.contains(selected.anchorNode);
    return Boolean(typing || reads || where.querySelector("tr.form, details[open], .htmx-request, input[data-mark]:checked, tr.row:hover, .rows > li:hover"));
  }

  function show() {
    if (document.hidden) return count();
    if (isBusy()) {
      soon(`rail ${own}`, () => rail(own));
      return offer();
    }
    anew();
  }
  function count() {
    document.title = who.size ? `(${who.size}) ${title}` : some ? `(•) ${title}` : title;
  }
  function offer() {
    count();
    const chip = document.createElement("button");
    chip.type = "button";
    chip.textContent = who.size ? place.dataset.new.replace("{count}", who.size) : place.dataset.some;
    chip.addEventListener("click", () => anew(true));
    place.replaceChildren(chip);
    place.hidden = false;
  }
  function say(text) {
    place.textContent = text;
    place.hidden = false;
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden && (who.size || some)) soon("list", show); });

  async function asked(address) {
    const answer = await fetch(address, { credentials: "same-origin", cache: "no-store", headers: BY_ITSELF });
    if (!answer.ok || answer.status === 204 || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  // The list as it is now, in the place of the old one; the focus and the place that is in sight stay.
  async function anew(wanted = false) {
    const old = list(), address = location.pathname + location.search;
    if (!old) return;
    const focus = document.activeElement?.closest?.("#list [id], #list a[href]");
    const key = focus && (focus.id ? `#${CSS.escape(focus.id)}` : `#list a[href="${CSS.escape(focus.getAttribute("href"))}"]`);
    const at = scrollY;
    if (window.htmx) {
      let late = false; // a form was opened while the list was on its way: it stays
      const meanwhile = (event) => {
        if (wanted || event.detail.target !== old || !isBusy()) return;
        event.detail.shouldSwap = false;
        late = true;
      };
      document.addEventListener("htmx:beforeSwap", meanwhile);
      await window.htmx.ajax("GET", address, { source: old, target: "#list", select: "#list", swap: "outerHTML show:none", headers: BY_ITSELF });
      document.removeEventListener("htmx:beforeSwap", meanwhile);
      if (late) return offer();
      if (list() === old) return wanted ? offer() : void setTimeout(() => soon("list", show), LATER);
    } else {
      const found = await asked(address).catch(() => null);
      const fresh = found?.getElementById("list");
      if (!fresh || (!wanted && isBusy())) return offer();
      named(old, fresh);
      old.replaceWith(document.adoptNode(fresh));
    }
    who.clear();
    some = false;
    place.hidden = true;
    place.replaceChildren();
    count();
    if (key && document.activeElement === document.body) document.querySelector(key)?.focus({ preventScroll: true });
    scrollTo({ top: at, behavior: "instant" });
    document.body.dispatchEvent(new CustomEvent("stepdown:shown", { bubbles: true }));
  }

  // Names that the page knows already are not asked for again.
  function named(old, fresh) {
    const known = new Map([...old.querySelectorAll("[data-patient]")].map((each) => [each.dataset.patient, each]));
    for (const each of fresh.querySelectorAll("[data-patient]")) {
      const before = known.get(each.dataset.patient);
      if (!before) continue;
      each.textContent = before.textContent;
      const reach = before.parentElement.querySelector(".reach"), mine = each.parentElement.querySelector(".reach");
      if (reach && mine) mine.replaceChildren(...[...reach.childNodes].map((node) => node.cloneNode(true)));
    }
  }

  // The counts of one service's lists.
  async function rail(at) {
    if (document.hidden) return;
    const service = at.split("/")[1], mine = at === own;
    const old = base ? document.querySelector(`.rail [id^="rail-${service}-"]`)?.closest(".part") : document.querySelector("nav.rail .part");
    if (!old || old.contains(document.activeElement)) return;
    const here = mine && list();
    const found = await asked(here ? location.pathname + location.search : `${base ? `/${service}` : ""}/rail`).catch(() => null);
    const fresh = base ? found?.querySelector(`[id^="rail-${service}-"]`)?.closest(".part") : found?.querySelector("nav.rail .part") || found?.querySelector(".part");
    if (!fresh) return;
    old.replaceWith(document.adoptNode(fresh));
    window.htmx?.process(fresh);
  }
})();
