// Fills the token in from the address's fragment (a link of the ready file), takes it out of the address, and signs in.
"use strict";
function signIn() {
  const field = document.querySelector("input[name=token]");
  const given = decodeURIComponent(location.hash.slice(1));
  if (!field || !given) return;
  history.replaceState(null, "", location.pathname);
  field.value = given;
  field.form.requestSubmit();
}
addEventListener("hashchange", signIn);
signIn();
