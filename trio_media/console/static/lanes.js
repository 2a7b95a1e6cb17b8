// From the lines of an event log to what the lanes of a call show.  Pure: lines in, facts out.
//
// A fact is {lane, look, begins, ends, label, number, detail}; `ends` is null while it goes on.
// A fact that happened at one moment has ends === begins.  What a line says is defined by the log's
// format: one JSON object with t_ms and one of header, event, command and note.

import { Ear } from "./ear.js";
import { Episodes } from "./episodes.js";
import { actOf } from "./lane_acts.js";
import { seconds } from "./words.js";

export const LANES = [
  { id: "caller", name: "Caller" },
  { id: "turn", name: "Turns" },
  { id: "generated", name: "Generated" },
  { id: "heard", name: "Heard" },
  { id: "floor", name: "Floor" },
  { id: "carrier", name: "To carrier" },
  { id: "model", name: "To model" },
  { id: "tools", name: "Tools" },
  { id: "notes", name: "Notes" },
];

export class CallLanes {
  constructor() {
    this.header = null;
    this.lanes = Object.fromEntries(LANES.map(({ id }) => [id, []]));
    this.episodes = new Episodes();
    this.endMs = 0;
    this.ended = null; // why and by whom, once it is known
    this.isOver = false;
    this.badLines = 0;
    this.open = {}; // facts of which there is one at a time
    this.turns = new Map();
    this.responses = new Map(); // number -> {fact, cause, ended}
    this.numbers = new Map(); // response id -> number
    this.items = new Map(); // item id -> {number, received, receivedMs, heardMs, text, pieces}
    this.tools = new Map();
    this.ear = new Ear();
  }

  // Take in one line of text; one that is no JSON object is counted and skipped.
  readText(text) {
    if (!text.trim()) return;
    let line;
    try {
      line = JSON.parse(text);
    } catch {
      this.badLines += 1; // the last line of a process that was killed, say
      return;
    }
    if (line === null || typeof line.t_ms !== "number") this.badLines += 1;
    else this.read(line);
  }

  read(line) {
    if (line.header) {
      this.header = line;
      return;
    }
    this.endMs = Math.max(this.endMs, line.t_ms);
    this.episodes.read(line, this);
    actOf(line)?.(this, line, line.t_ms);
  }

  // The log is complete: what is open ends with it.
  finish() {
    for (const stretch of this.ear.cleared(this.endMs)) this.unhear(stretch);
    for (const item of this.items.values()) if (item.heardMs === null) this.estimate(item);
    for (const facts of Object.values(this.lanes)) {
      for (const fact of facts) fact.ends ??= this.endMs;
    }
    this.open = {};
    this.isOver = true;
  }

  get responsesCount() {
    return this.responses.size;
  }

  mark(lane, look, tMs, label = "", more = {}) {
    return this.span(lane, look, tMs, tMs, label, more);
  }

  span(lane, look, begins, ends, label = "", more = {}) {
    const fact = { lane, look, begins, ends, label, number: 0, detail: "", ...more };
    this.lanes[lane].push(fact);
    return fact;
  }

  close(name, tMs) {
    const fact = this.open[name];
    if (fact) {
      fact.ends = tMs;
      delete this.open[name];
    }
    return fact;
  }

  item(itemId, responseId) {
    let item = this.items.get(itemId);
    if (!item) {
      const number = this.numbers.get(responseId) ?? 0;
      item = { itemId, number, received: null, receivedMs: 0, heardMs: null, isEstimated: false, text: "", pieces: [] };
      this.items.set(itemId, item);
    }
    return item;
  }

  // Text that came before its item's first heard stretch, or after: both get it.
  say(item) {
    const heard = item.heardMs === null ? "" : `${seconds(item.heardMs)} of ${seconds(item.receivedMs)}  `;
    for (const fact of item.pieces) {
      fact.label = `#${item.number} ${heard}${item.text}`.trim();
      fact.detail = item.text;
    }
  }

  // What was still being played when the call ended was told to nobody: take what the ear says.
  estimate(item) {
    const heard = this.lanes.heard.filter(({ itemId }) => itemId === item.itemId);
    if (heard.length === 0) return;
    const farMs = Math.max(...heard.map(({ offsetMs, begins, ends }) => offsetMs + ends - begins));
    item.heardMs = Math.min(farMs, item.receivedMs);
    item.isEstimated = true;
    this.say(item);
  }

  unhear(stretch) {
    const at = this.lanes.heard.lastIndexOf(stretch.fact);
    if (at >= 0) this.lanes.heard.splice(at, 1);
  }

  // What was said, in order: {role, text, atMs, heardMs, receivedMs, fate}.
  transcript() {
    const said = [];
    for (const { fact, text, fate } of this.turns.values()) {
      if (text) said.push({ role: "caller", text, atMs: fact.begins, fate, number: 0 });
    }
    for (const item of this.items.values()) {
      if (!item.text || !item.received) continue;
      const { text, number, heardMs, receivedMs, isEstimated } = item;
      const atMs = item.pieces[0]?.begins ?? item.received.begins;
      said.push({ role: "model", text, number, atMs, heardMs, receivedMs, isEstimated });
    }
    return said.sort((one, other) => one.atMs - other.atMs);
  }
}
