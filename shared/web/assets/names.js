// Who patients are: asked of intake once a page, on the same host and with the reader's own cookie (contract 6), never
// stored. Where intake does not say, the rows keep the tails of ids, and the page says so in words; a page that was
// opened without the front door has no intake beside it.
"use strict";
(() => {
  const intake = document.body.dataset.intake;
  const MOST = 200; // of one question
  const places = new Map();
  for (const place of document.querySelectorAll("[data-patient]")) {
    const patient = place.dataset.patient;
    places.set(patient, [...(places.get(patient) || []), place]);
  }
  if (!intake || !places.size) return;

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

  const WHY = {
    401: "you are not signed in any more",
    403: "your role does not see them",
    429: "they were asked for too often",
    0: "intake does not answer",
  };

  function say(status) {
    const told = document.createElement("p");
    told.className = "notice bad names";
    told.setAttribute("role", "status");
    told.textContent = `Names not loaded: ${WHY[status] || "intake could not tell them"}. Rows have the end of the patient's number. `;
    if (status !== 403) {
      const again = document.createElement("button");
      again.type = "button";
      again.textContent = "Load names again";
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
      for (const place of places.get(person.patient_id) || []) shown(place, person);
    }
    return 200;
  }

  async function load() {
    const ids = [...places.keys()];
    let status = 200;
    for (let from = 0; from < ids.length && status === 200; from += MOST) {
      status = await ask(ids.slice(from, from + MOST)).catch(() => 0);
    }
    if (status !== 200) say(status);
  }

  load();
})();
