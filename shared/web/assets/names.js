// Who patients are: asked of intake once a page, on the same host and with the reader's own cookie (contract 6), never
// stored. Where intake does not say, the rows keep the tails of ids, and the page says so in words; a page that was
// opened without the front door has no intake beside it.
"use strict";
(() => {
  const intake = document.body.dataset.intake;
  const MOST = 200; // of one question
  const WORDS = JSON.parse(document.body.dataset.words);
  const DAY = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  if (!intake) return;
  const places = new Map(), known = new Map(), asked = new Set(); // `asked`: whose answer is on its way

  // The patients of this page's rows, and of rows that came later.
  function look() {
    places.clear();
    for (const place of document.querySelectorAll("[data-patient]:not([data-named])")) {
      const patient = place.dataset.patient;
      if (known.has(patient)) shown(place, known.get(patient));
      else places.set(patient, [...(places.get(patient) || []), place]);
    }
  }

  // Whole years from a birth date to today.
  function age(born) {
    const [year, month, day] = born.split("-").map(Number), now = new Date();
    return now.getFullYear() - year - (now.getMonth() + 1 < month || (now.getMonth() + 1 === month && now.getDate() < day) ? 1 : 0);
  }

  function born(date) {
    const years = age(date);
    return `${DAY.format(new Date(`${date}T00:00Z`))}, ${(years === 1 ? WORDS.year : WORDS.years).replace("{count}", years)}`;
  }

  // The medical record number: the last that was told.
  const record = (person) => (person.identifiers || []).filter((each) => each.type === "MR").at(-1)?.id;

  // Telephones that may be called: none where the patient, or a telephone at all, is not safe to contact.
  function usable(person) {
    const safe = person.safe_to_contact;
    if (safe === false || (safe && safe.phone === false)) return [];
    return (person.contacts || []).filter((each) => each.system === "phone" && each.safe !== false);
  }

  function warning(person) {
    const safe = person.safe_to_contact;
    if (safe === false) return WORDS.unsafe;
    if (safe && typeof safe === "object") {
      const not = Object.keys(safe).filter((channel) => safe[channel] === false);
      if (not.length) return WORDS.unsafe_by.replace("{ways}", not.join(", "));
    }
    return "";
  }

  function shown(place, person) {
    const name = person.name ? [person.name.family, person.name.given].filter(Boolean).join(", ") : "";
    if (name) place.textContent = name;
    place.dataset.named = "";
    const more = place.parentElement.querySelector(".reach");
    if (!more) return;
    const unsafe = warning(person), number = record(person);
    const parts = [number ? `MRN ${number}` : "", person.birth_date ? born(person.birth_date) : ""];
    parts.push(...usable(person).slice(0, 2).map((each) => each.value));
    more.textContent = parts.filter(Boolean).join(" · ");
    if (unsafe) {
      const flag = document.createElement("strong");
      flag.className = "unsafe";
      flag.textContent = unsafe;
      more.prepend(flag, more.textContent ? " · " : "");
    }
  }

  function say(status) {
    document.querySelector("p.names")?.remove();
    const told = document.createElement("p");
    told.className = status === 403 ? "notice names" : "notice bad names"; // a role that sees no names has lost nothing
    told.setAttribute("role", "status");
    told.textContent = `${WORDS.none.replace("{why}", WORDS[`why_${status}`] || WORDS.why)} `;
    if (status !== 403) {
      const again = document.createElement("button");
      again.type = "button";
      again.textContent = WORDS.again;
      again.addEventListener("click", () => { told.remove(); load(); });
      told.append(again);
    }
    document.getElementById("main").prepend(told);
  }

  async function ask(ids) {
    const question = ids.map(encodeURIComponent).join(",");
    const answer = await fetch(`${intake}/api/patients?ids=${question}`, {
      credentials: "same-origin", cache: "no-store", referrerPolicy: "no-referrer",
    });
    if (!answer.ok) return answer.status;
    for (const person of (await answer.json()).patients) {
      known.set(person.patient_id, person);
      for (const place of places.get(person.patient_id) || []) shown(place, person);
    }
    return 200;
  }

  async function load() {
    look();
    const ids = [...places.keys()].filter((each) => !asked.has(each));
    let status = ids.length && "nameless" in document.body.dataset ? 403 : 200;
    for (const each of ids) asked.add(each);
    for (let from = 0; from < ids.length && status === 200; from += MOST) {
      status = await ask(ids.slice(from, from + MOST)).catch(() => 0);
    }
    for (const each of ids) asked.delete(each);
    if (status !== 200) say(status);
  }

  load();
  // At once, before a row is seen without the name that is known; and of rows that came otherwise.
  document.addEventListener("htmx:afterSwap", load);
  document.addEventListener("htmx:afterSettle", load);
})();
