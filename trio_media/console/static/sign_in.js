// Signs in with the admin token; the server answers with a cookie that scripts cannot read.

import { send } from "./api.js";
import { say } from "./dom.js";

// A link that was no good leaves its token in the address: it would be tried again.
if (location.search) history.replaceState(null, "", location.pathname + location.hash);

const trouble = document.getElementById("trouble");

document.getElementById("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await send("/api/sign-in", { token: document.getElementById("token").value.trim() });
    location.reload();
  } catch (error) {
    say(trouble, error.message);
    trouble.hidden = false;
  }
});
