// Which view is shown: by the part of the address behind #.

import { callView } from "./call_view.js";
import { callsView } from "./calls_view.js";
import { send } from "./api.js";
import { attempt, h } from "./dom.js";
import { overviewView } from "./overview_view.js";
import { phoneView } from "./phone_view.js";
import { softphone } from "./softphone.js";

const VIEWS = [
  { path: /^\/?$/, name: "calls", title: "Calls", open: (root) => callsView(root) },
  { path: /^\/calls\/([^/]+)$/, name: "calls", title: "Call", open: (root, sid) => callView(root, sid) },
  { path: /^\/phone$/, name: "phone", title: "Softphone", open: (root) => phoneView(root) },
  { path: /^\/overview$/, name: "overview", title: "Overview", open: (root) => overviewView(root) },
];

let shown = null;

function route() {
  const path = location.hash.replace(/^#/, "");
  shown?.close();
  shown = null;
  const root = document.getElementById("view");
  root.replaceChildren();
  for (const view of VIEWS) {
    const match = view.path.exec(path);
    if (!match) continue;
    document.title = `${view.title} · trio_media`;
    for (const link of document.querySelectorAll("nav a")) {
      if (link.dataset.view === view.name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    shown = view.open(root, ...match.slice(1).map(decodeURIComponent));
    return;
  }
  root.append(h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: "#/" }, "To the live calls")));
}

function showOnCall() {
  document.getElementById("on-call").hidden = !softphone.isBusy;
}

async function signOut() {
  softphone.hangUp();
  await attempt(() => send("/api/sign-out", {}));
  location.reload();
}

document.getElementById("skip").addEventListener("click", () => document.getElementById("view").focus());
document.getElementById("sign-out").addEventListener("click", signOut);
document.addEventListener("signed-out", () => (document.getElementById("signed-out").hidden = false));
document.addEventListener("signed-in", () => (document.getElementById("signed-out").hidden = true));
softphone.addEventListener("change", showOnCall);
window.addEventListener("hashchange", route);
window.addEventListener("pagehide", () => softphone.hangUp());
route();
