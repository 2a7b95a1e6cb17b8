// The calls that are live, as they change, and the newest that are over.

import { Feed, get } from "./api.js";
import { callButtons, dial } from "./actions.js";
import { attempt, h, say } from "./dom.js";
import { clock, money, words } from "./words.js";

const ENDED_SHOWN = 50;
const LIVE_ASKED = 100; // the others show up with their next change
const FLOORS = { idle: "nobody", caller: "caller", model: "model", both: "both", hushed: "hushed" };

export function callsView(root) {
  return new CallsView(root);
}

class CallsView {
  constructor(root) {
    this.rows = new Map(); // sid -> {row, cells, call, seenAt}
    this.live = h("tbody");
    this.none = h("p", { class: "none" }, "No call is live. The softphone makes one.");
    this.ended = h("tbody");
    this.noneEnded = h("p", { class: "none" }, "Nothing is kept: set [recording] dir to keep calls.");
    this.status = h("span", { class: "status", role: "status" }, "connecting");
    root.append(
      h("header", { class: "title" }, h("h1", {}, "Live calls"), this.status,
        h("button", { type: "button", class: "quiet", onclick: dial }, "Call a number…")),
      table(["Caller", "For", "Floor", "Answer after", "Last interruption", ""], this.live, "Live calls"),
      this.none,
      h("h2", {}, "Ended calls"),
      table(["Caller", "When", "For", "Interruptions", "How it ended", "Cost", "Kept"], this.ended, "Ended calls", "ended"),
      this.noneEnded,
    );
    this.feed = new Feed("/api/events", {
      heard: { call: (call) => this.about(call), gone: (gone) => this.gone(gone.call_sid) },
      opened: () => this.opened(),
      lost: () => say(this.status, "connection lost, trying again"),
    });
    this.timer = setInterval(() => this.tick(), 1000);
    this.fetchEnded();
  }

  // Whatever came or went while nobody listened.
  async opened() {
    say(this.status, "");
    const answer = await attempt(() => get(`/api/calls?state=live&limit=${LIVE_ASKED}`));
    if (!answer) return;
    const sids = new Set(answer.calls.map(({ call_sid: sid }) => sid));
    const isAll = answer.calls.length < LIVE_ASKED;
    for (const sid of [...this.rows.keys()]) if (isAll && !sids.has(sid)) this.drop(sid);
    answer.calls.forEach((call) => this.about(call));
    this.showNone();
  }

  async fetchEnded() {
    const answer = await attempt(() => get(`/api/calls?state=ended&limit=${ENDED_SHOWN}`));
    if (!answer || this.isClosed) return;
    this.ended.replaceChildren(...answer.calls.map(endedRow));
    this.noneEnded.hidden = answer.calls.length > 0;
  }

  about(call) {
    if (call.state !== "live") {
      this.gone(call.call_sid);
      return;
    }
    let known = this.rows.get(call.call_sid);
    if (!known) {
      known = liveRow(call);
      this.rows.set(call.call_sid, known);
      this.live.append(known.row);
    }
    known.call = call;
    known.seenAt = performance.now();
    fillLive(known);
    this.showNone();
  }

  gone(sid) {
    if (!this.drop(sid)) return;
    this.showNone();
    clearTimeout(this.later);
    this.later = setTimeout(() => this.fetchEnded(), 1000); // its files are closed after the call
  }

  drop(sid) {
    const known = this.rows.get(sid);
    known?.row.remove();
    return this.rows.delete(sid);
  }

  showNone() {
    this.none.hidden = this.rows.size > 0;
  }

  tick() {
    for (const known of this.rows.values()) showLength(known);
  }

  close() {
    this.isClosed = true;
    this.feed.close();
    clearInterval(this.timer);
    clearTimeout(this.later);
  }
}

function table(names, body, label, kind = "live") {
  const heads = names.map((name) =>
    h("th", { scope: "col" }, name || h("span", { class: "unseen" }, "Actions")));
  return h("table", { class: `calls ${kind}`, "aria-label": label }, h("thead", {}, h("tr", {}, heads)), body);
}

function who(call) {
  const name = call.direction === "outbound" ? `to ${call.called}` : call.caller || "unknown";
  return h("a", { href: `#/calls/${encodeURIComponent(call.call_sid)}`, title: call.call_sid }, name);
}

function cell(label, ...children) {
  return h("td", { "data-label": label }, ...children);
}

function liveRow(call) {
  const floor = h("span", { class: "floor" });
  const cells = {
    length: cell("For"), floor, latency: cell("Answer after"), last: cell("Last interruption"),
  };
  const row = h("tr", { "data-sid": call.call_sid }, cell("Caller", who(call)), cells.length,
    cell("Floor", floor), cells.latency, cells.last, h("td", { class: "acts" }, callButtons(call)));
  return { row, cells, call, seenAt: 0 };
}

function fillLive(known) {
  const { cells, call } = known;
  showLength(known);
  say(cells.floor, FLOORS[call.floor] ?? call.floor);
  cells.floor.dataset.floor = call.floor;
  say(cells.latency, call.turn_latency_ms === null ? "–" : `${call.turn_latency_ms} ms`);
  const last = call.last_interruption;
  say(cells.last, last
    ? `${clock(last.at_ms, false)} ${words(last.reason)}: ${words(last.outcome) || "open"} (${call.interruptions})`
    : "–");
}

function showLength({ cells, call, seenAt }) {
  say(cells.length, clock(call.duration_ms + performance.now() - seenAt, false));
}

function endedRow(call) {
  const at = new Date(call.started_at);
  return h("tr", { "data-sid": call.call_sid },
    cell("Caller", who(call)),
    cell("When", h("time", { datetime: call.started_at }, at.toLocaleString())),
    cell("For", clock(call.duration_ms, false)),
    cell("Interruptions", String(call.interruptions)),
    cell("How it ended", call.end_in_words ?? (words(call.end_reason) || "–")),
    cell("Cost", money(call.cost, call.currency) ?? "–"),
    cell("Kept", [call.has_log && "log", call.has_recording && "recording"].filter(Boolean).join(", ") || "–"));
}
