// What can be done to a live call from this page, and how it is said.

import { attempt, h, toast } from "./dom.js";
import { callPath, remove, send } from "./api.js";
import { outcomeInWords, words } from "./words.js";

const SAID = {
  waiting: "It is going to be said.",
  heard: "It was said, and heard to the end.",
  cut_off: "The caller interrupted it.",
};

export async function interrupt(sid) {
  const result = await attempt(() => send(callPath(sid, "/interrupt"), {}));
  if (result) toast(`Interrupted: ${outcomeInWords(result.outcome)}.`);
}

export async function hangUp(sid, caller) {
  const isSure = await ask({ title: `Hang up on ${caller || "this call"}?`, does: "Hang up", isHarsh: true });
  if (!isSure) return;
  const result = await attempt(() => send(callPath(sid, "/hang-up"), {}));
  if (result) toast("Hung up.");
}

export async function forget(sid, caller) {
  const isSure = await ask({
    title: `Delete the recording, the log and the summary of the call from ${caller || "unknown"}?`,
    does: "Delete", isHarsh: true,
  });
  if (!isSure) return;
  const isGone = await attempt(async () => {
    await remove(callPath(sid));
    return true;
  });
  if (!isGone) return;
  toast("Nothing of the call is kept any more.");
  location.hash = "#/";
}

export async function say(sid) {
  const text = h("textarea", { rows: "3", maxlength: "2000", required: true, "aria-label": "What to say" });
  const exact = h("input", { type: "checkbox", checked: true });
  const protect = h("input", { type: "checkbox" });
  const isSure = await ask({
    title: "Say to the caller",
    does: "Say",
    parts: [
      text,
      h("label", {}, exact, " word for word"),
      h("label", {}, protect, " the caller cannot interrupt it"),
    ],
  });
  if (!isSure || !text.value.trim()) return;
  const body = { text: text.value, exact: exact.checked, protected: protect.checked, wait: false };
  const result = await attempt(() => send(callPath(sid, "/say"), body));
  if (result) toast(SAID[result?.outcome] ?? `Said: ${words(result?.outcome)}.`);
}

export async function dial() {
  const to = h("input", { type: "tel", required: true, placeholder: "+15550100003", "aria-label": "Number" });
  if (!(await ask({ title: "Call a number", does: "Call", parts: [to] }))) return;
  const made = await attempt(() => send("/api/calls", { to: to.value.trim() }));
  if (made) location.hash = `#/calls/${made.call_sid}`;
}

// Ask in a dialog; resolves to whether it was confirmed.
function ask({ title, does, parts = [], isHarsh = false }) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { "aria-label": title },
      h(
        "form",
        { method: "dialog" },
        h("h2", {}, title),
        ...parts,
        h(
          "p",
          { class: "buttons" },
          h("button", { value: "yes", class: isHarsh ? "harsh" : "main" }, does),
          h("button", { value: "no", class: "quiet", formnovalidate: true }, "Leave it"),
        ),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function callButtons(call) {
  const sid = call.call_sid;
  const button = (text, act, kind = "quiet") => h("button", { type: "button", class: kind, onclick: act }, text);
  return h(
    "div",
    { class: "buttons" },
    button("Interrupt", () => interrupt(sid)),
    button("Say…", () => say(sid)),
    button("Hang up", () => hangUp(sid, call.caller), "quiet harsh"),
  );
}

export function endedButtons(call) {
  const act = () => forget(call.call_sid, call.caller);
  return h("div", { class: "buttons" }, h("button", { type: "button", class: "quiet harsh", onclick: act }, "Forget"));
}
