// A page that answers a refused form stands at the form's address: it is the desk's page, and reloading shows that.
// Where the lists do not fit beside each other, the one that is open is in sight.
"use strict";
if (document.body.dataset.here) history.replaceState(null, "", document.body.dataset.here);
document.querySelector("nav.lists [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
