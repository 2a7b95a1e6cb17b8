// Draws the lanes of a call on a canvas, and says where it drew what.

import { LANES } from "./lanes.js";
import { inView } from "./viewport.js";

export const AXIS_PX = 22;
const HEIGHTS_PX = {
  caller: 46, turn: 26, generated: 26, heard: 46, floor: 48, carrier: 26, model: 48, tools: 26, notes: 26,
};
const ROWS_PX = 20;
const GUTTER_PX = 84; // for the lanes' names, where there is room
const NARROW_PX = 640;
const TICKS_APART_PX = 3; // marks nearer than this are one
const OPTIONAL = new Set(["tools", "notes"]);
const RESPONSE_COLOURS = 5;

// What a look is drawn as: the colour variable, and whether it is quiet (no label, drawn low).
const LOOKS = {
  onset: "--onset", speech: "--speech", key: "--key", turn: "--turn", response: "--response",
  hush: "--hush", resume: "--resume", take: "--take", clear: "--clear", mark: "--mark",
  echo: "--echo", create: "--create", cancel: "--take", tell: "--tell", tool: "--tool",
  other: "--other", failure: "--take",
};

export function gutter(widthPx) {
  return widthPx < NARROW_PX ? 0 : GUTTER_PX;
}

// The lanes that a call has, with their places: [{id, name, y, height}].
export function layout(call, widthPx) {
  const nameRoom = gutter(widthPx) ? 0 : 13;
  let y = AXIS_PX;
  const rows = [];
  for (const { id, name } of LANES) {
    if (OPTIONAL.has(id) && call.lanes[id].length === 0) continue;
    rows.push({ id, name, y, inner: y + nameRoom + 3, height: HEIGHTS_PX[id] + nameRoom });
    y += HEIGHTS_PX[id] + nameRoom;
  }
  return { rows, height: y };
}

export function readColours(element) {
  const style = getComputedStyle(element);
  const names = [
    ...Object.values(LOOKS), "--ink", "--muted", "--line", "--stripe", "--hush-shade", "--accent",
    "--wave", "--paper", ...Array.from({ length: RESPONSE_COLOURS }, (_, at) => `--response-${at}`),
  ];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(name).trim()]));
}

// One drawing.  `scene` has call, levels, viewport, nowMs, cursorMs, selected, colours.
export class Painting {
  constructor(context, scene, widthPx) {
    this.context = context;
    this.scene = scene;
    this.widthPx = widthPx;
    this.left = gutter(widthPx);
    this.boxes = []; // {x0, x1, y0, y1, fact}
    this.plan = layout(scene.call, widthPx);
  }

  draw() {
    const { context, plan, scene } = this;
    context.clearRect(0, 0, this.widthPx, plan.height);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    plan.rows.forEach((row, at) => this.stripe(row, at));
    context.save();
    context.beginPath();
    context.rect(this.left, 0, this.widthPx - this.left, plan.height);
    context.clip();
    this.shade();
    this.axis();
    this.over();
    for (const row of plan.rows) this.lane(row);
    this.cross(scene.cursorMs, scene.colours["--accent"], 2);
    context.restore();
    plan.rows.forEach((row) => this.name(row));
  }

  x(ms) {
    return this.left + this.scene.viewport.x(ms);
  }

  stripe(row, at) {
    if (at % 2) return;
    this.context.fillStyle = this.scene.colours["--stripe"];
    this.context.fillRect(0, row.y, this.widthPx, row.height);
  }

  name(row) {
    const { context } = this;
    context.fillStyle = this.scene.colours["--muted"];
    context.textAlign = "left";
    const y = this.left ? row.y + row.height / 2 : row.y + 8;
    context.fillText(row.name, this.left ? 8 : 4, y);
  }

  // The hushes and the decisions go through all lanes.
  shade() {
    const { call, colours, nowMs } = this.scene;
    const height = this.plan.height - AXIS_PX;
    for (const fact of call.lanes.floor) {
      if (fact.look === "hush") {
        const x = this.x(fact.begins);
        this.context.fillStyle = colours["--hush-shade"];
        this.context.fillRect(x, AXIS_PX, this.x(fact.ends ?? nowMs) - x, height);
      } else {
        this.cross(fact.begins, colours[LOOKS[fact.look]], 1);
      }
    }
  }

  cross(ms, colour, width) {
    if (ms === null || ms === undefined) return;
    const x = this.x(ms);
    if (x < this.left - 2 || x > this.widthPx + 2) return;
    this.context.fillStyle = colour;
    this.context.fillRect(x - width / 2, AXIS_PX - 6, width, this.plan.height);
  }

  axis() {
    const { context, scene } = this;
    context.textAlign = "center";
    for (const { ms, label } of scene.viewport.ticks()) {
      const x = this.x(ms);
      const half = context.measureText(label).width / 2 + 3;
      context.fillStyle = scene.colours["--line"];
      context.fillRect(x, AXIS_PX - 4, 1, this.plan.height);
      context.fillStyle = scene.colours["--muted"];
      context.fillText(label, Math.min(Math.max(x, this.left + half), this.widthPx - half), 9);
    }
  }

  // What has not happened yet is covered.
  over() {
    const { viewport, nowMs, colours } = this.scene;
    const x = Math.max(this.left, this.x(nowMs));
    if (nowMs >= viewport.toMs) return;
    this.context.globalAlpha = 0.75;
    this.context.fillStyle = colours["--paper"];
    this.context.fillRect(x, AXIS_PX, this.widthPx - x, this.plan.height);
    this.context.globalAlpha = 1;
    this.context.fillStyle = colours["--line"];
    this.context.fillRect(x, AXIS_PX, 1, this.plan.height);
  }

  lane(row) {
    const facts = this.scene.call.lanes[row.id];
    if (row.id === "carrier") {
      this.ticks(row, facts);
      return;
    }
    if (row.id === "caller" || row.id === "heard") this.wave(row);
    const ends = [-Infinity, -Infinity]; // of the labels in the lane's two rows
    const { fromMs, toMs } = this.scene.viewport;
    for (const fact of facts) {
      if (fact.begins > toMs || (fact.ends ?? Infinity) < fromMs - 60000) continue;
      if (fact.ends === fact.begins) this.moment(row, fact, ends);
      else this.bar(row, fact);
    }
  }

  wave(row) {
    const { levels, viewport, colours } = this.scene;
    const base = row.y + row.height - 2;
    const room = 22;
    this.context.fillStyle = colours["--wave"];
    for (let x = this.left; x < this.widthPx; x += 1) {
      const fromMs = viewport.ms(x - this.left);
      if (fromMs < 0) continue;
      const tall = levels.loudest(row.id, fromMs, fromMs + viewport.msPerPx) * room;
      if (tall > 0) this.context.fillRect(x, base - tall, 1, tall);
    }
  }

  bar(row, fact) {
    const { context } = this;
    const { colours, nowMs, selected } = this.scene;
    const x0 = Math.max(this.left - 4, this.x(fact.begins));
    const x1 = Math.min(this.widthPx + 4, Math.max(x0 + 2, this.x(Math.min(fact.ends ?? nowMs, nowMs))));
    if (x1 < this.left) return;
    const isLow = fact.look === "received";
    const y = isLow ? row.inner + 15 : row.inner;
    const tall = isLow ? 4 : 18;
    context.fillStyle = this.colour(fact);
    context.beginPath();
    context.roundRect(x0, y, x1 - x0, tall, 3);
    context.fill();
    if (fact === selected) this.outline(x0, y, x1 - x0, tall);
    this.boxes.push({ x0, x1, y0: y, y1: y + tall, fact });
    if (isLow) return;
    const from = Math.max(x0, this.left) + 4;
    const text = this.fitted(fact.label, x1 - from - 2);
    context.fillStyle = fact.look === "speech" ? colours["--paper"] : colours["--ink"];
    context.textAlign = "left";
    if (text) context.fillText(text, from, y + 9);
  }

  // A moment is a line with its label behind it, in whichever row has room.
  moment(row, fact, ends) {
    const { context } = this;
    const { colours, selected } = this.scene;
    const x = this.x(fact.begins);
    if (x < this.left - 300 || x > this.widthPx + 2) return;
    const rows = row.height >= HEIGHTS_PX.model ? 2 : 1;
    const at = x > ends[0] || rows === 1 ? 0 : 1;
    const y = row.inner + at * ROWS_PX;
    const { label, begin, width } = this.labelled(fact.label, x, ends[at]);
    context.fillStyle = this.colour(fact);
    context.fillRect(x, y, 3, 18);
    if (label) {
      context.fillStyle = colours["--paper"]; // marks below would make it hard to read
      context.fillRect(begin < x ? begin : x + 3, y, width - 3, 18);
      context.fillStyle = this.colour(fact);
      context.globalAlpha = 0.18;
      context.fillRect(begin, y, width, 18);
      context.globalAlpha = 1;
      context.fillStyle = colours["--ink"];
      context.textAlign = "left";
      context.fillText(label, begin < x ? begin + 4 : x + 6, y + 9);
      ends[at] = begin + width;
    }
    if (fact === selected) this.outline(begin, y, width, 18);
    this.boxes.push({ x0: begin - 2, x1: begin + width, y0: y, y1: y + 18, fact });
  }

  // Where the label of a moment has room: behind it, or before it at the right edge.  One that
  // the left edge would cut has none.
  labelled(text, x, endPx) {
    const width = this.context.measureText(text).width + 10;
    const bare = { label: "", begin: x, width: 3 };
    if (!text || x < this.left - 1) return bare;
    const begin = x + width > this.widthPx ? x + 3 - width : x;
    const isFree = begin >= this.left && begin > endPx + 2;
    if (isFree) return { label: text, begin, width };
    return x > endPx + 2 ? { label: text, begin: x, width } : bare;
  }

  ticks(row, facts) {
    const { context } = this;
    const { viewport, selected } = this.scene;
    const last = { mark: -Infinity, echo: -Infinity };
    const shown = inView(facts, viewport.fromMs - viewport.msPerPx * 60, viewport.toMs);
    const clears = shown.filter(({ look }) => look === "clear");
    for (const fact of shown) {
      if (fact.look === "clear") continue;
      const x = this.x(fact.begins);
      if (x - last[fact.look] < TICKS_APART_PX) continue;
      last[fact.look] = x;
      const isEcho = fact.look === "echo";
      const y = isEcho ? row.inner + 13 : row.inner + 5;
      context.fillStyle = this.colour(fact);
      context.fillRect(x, y, 2, 7);
      if (fact === selected) this.outline(x - 2, y - 1, 6, 9);
      this.boxes.push({ x0: x - 2, x1: x + 4, y0: y, y1: y + 7, fact });
    }
    const ends = [-Infinity];
    for (const fact of clears) this.moment(row, fact, ends); // over the marks: they matter more
  }

  outline(x, y, width, tall) {
    this.context.strokeStyle = this.scene.colours["--ink"];
    this.context.lineWidth = 2;
    this.context.strokeRect(x - 1, y - 1, width + 2, tall + 2);
  }

  colour(fact) {
    const isSpeech = fact.look === "heard" || fact.look === "received";
    const name = isSpeech ? `--response-${fact.number % RESPONSE_COLOURS}` : LOOKS[fact.look];
    return this.scene.colours[name];
  }

  fitted(text, room) {
    if (room < 14) return "";
    if (this.context.measureText(text).width <= room) return text;
    let length = Math.min(text.length, Math.floor(room / 4));
    while (length > 1 && this.context.measureText(`${text.slice(0, length)}…`).width > room) length -= 1;
    return length > 1 ? `${text.slice(0, length)}…` : "";
  }
}
