// Who patients are: asked of intake with the reader's own cookie (contract 6), never stored; without intake, ids' tails.
"use strict";
(() => {
  const intake = document.body.dataset.intake;
  if (!intake) return;

  const usable = (person) => (person.contacts || []).filter((each) => each.system === "phone" && each.safe !== false);

  function warning(person) {
    const safe = person.safe_to_contact;
    if (safe === false) return "not safe to contact";
    if (safe && typeof safe === "object") {
      const not = Object.keys(safe).filter((channel) => safe[channel] === false);
      if (not.length) return `not safe: ${not.join(", ")}`;
    }
    return "";
  }

  function shown(place, person) {
    const name = person.name ? [person.name.family, person.name.given].filter(Boolean).join(", ") : "";
    if (name) place.textContent = name;
    const more = place.parentElement.querySelector(".reach");
    if (!more) return;
    const unsafe = warning(person);
    const parts = [person.birth_date ? `born ${person.birth_date}` : ""];
    if (person.safe_to_contact !== false) parts.push(...usable(person).slice(0, 2).map((each) => each.value));
    more.textContent = parts.filter(Boolean).join(" · ");
    if (unsafe) {
      const flag = document.createElement("strong");
      flag.className = "unsafe";
      flag.textContent = unsafe;
      more.append(more.textContent ? " · " : "", flag);
    }
  }

  async function ask(patient, places) {
    try {
      const answer = await fetch(`${intake}/api/patients/${encodeURIComponent(patient)}`, {
        credentials: "include", cache: "no-store", referrerPolicy: "no-referrer",
      });
      if (!answer.ok) return;
      const person = await answer.json();
      places.forEach((place) => shown(place, person));
    } catch {
      // intake is away: the id's tail stays
    }
  }

  const places = new Map();
  for (const place of document.querySelectorAll("[data-patient]")) {
    const patient = place.dataset.patient;
    places.set(patient, [...(places.get(patient) || []), place]);
  }
  const waiting = [...places];
  const next = async () => {
    while (waiting.length) await ask(...waiting.shift());
  };
  for (let each = 0; each < 4; each += 1) next();
})();
