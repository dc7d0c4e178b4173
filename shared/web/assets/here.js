// A page that answers a refused form stands at the form's address: it is the desk's page, and reloading shows that.
"use strict";
if (document.body.dataset.here) history.replaceState(null, "", document.body.dataset.here);
