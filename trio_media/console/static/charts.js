// Small charts by hand: lines, bars in front of each other, and stacked bars over minutes, as SVG.

import { h, svg } from "./dom.js";

const WIDTH = 360;
const HEIGHT = 130;
const LEFT = 40;
const BOTTOM = 18;
const TOP = 8;

// `series` is [{name, tone, of: minute -> number or null}]; kind is "lines", "bars" (a part in
// front of its whole) or "stack".
export function chart({ title, unit, kind, series, minutes }) {
  const isCount = unit.startsWith("each"); // half of one is nothing that could be read
  const columns = series.map((one) => minutes.map((minute) => one.of(minute) ?? null));
  const most = Math.max(niceTop(highest(columns, kind)), isCount ? 2 : 0);
  const box = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": summary(title, unit, series, columns) });
  const y = (worth) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - worth / most);
  const slot = (WIDTH - LEFT - 4) / Math.max(1, minutes.length);
  const x = (at) => LEFT + slot * (at + 0.5);
  drawAxes(box, { most, y, x, minutes });
  const place = { x, y, slot };
  if (kind === "lines") columns.forEach((column, at) => drawLine(box, column, series[at], place));
  else drawBars(box, columns, series, place, kind === "stack");
  drawHovers(box, { title, unit, series, columns, minutes, ...place });
  const legend = h("ul", { class: "legend" }, series.map(({ name, tone }) => h("li", { class: `tone-${tone}` }, name)));
  return h("figure", { class: "chart" }, h("figcaption", {}, title, h("span", { class: "unit" }, ` ${unit}`)), box, legend);
}

function highest(columns, kind) {
  const at = (minute) => columns.map((column) => column[minute] ?? 0);
  const heights = columns[0].map((_, minute) =>
    kind === "stack" ? at(minute).reduce((sum, worth) => sum + worth, 0) : Math.max(...at(minute)));
  return Math.max(0, ...heights);
}

function niceTop(most) {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((top) => top >= most);
}

function summary(title, unit, series, columns) {
  const last = series.map(({ name }, at) => {
    const known = columns[at].filter((worth) => worth !== null);
    return `${name} ${known.length ? figure(known.at(-1)) : "unknown"}`;
  });
  return `${title}, ${unit}. Newest: ${last.join(", ")}.`;
}

export function figure(worth) {
  if (worth === null) return "–";
  return Number.isInteger(worth) ? String(worth) : worth.toFixed(1);
}

function drawAxes(box, { most, y, x, minutes }) {
  for (const part of [0, 0.5, 1]) {
    box.append(
      svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(most * part), y2: y(most * part) }),
      svg("text", { class: "axis end", x: LEFT - 5, y: y(most * part) + 4 }, figure(most * part)),
    );
  }
  const every = Math.max(1, Math.ceil(minutes.length / 4));
  for (let at = 0; at < minutes.length; at += every) {
    const isNearEnd = x(at) > WIDTH - 20;
    if (isNearEnd) break;
    box.append(svg("text", { class: "axis middle", x: Math.max(LEFT + 12, x(at)), y: HEIGHT - 4 }, hour(minutes[at].at)));
  }
}

export function hour(at) {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

function drawLine(box, column, { tone }, { x, y }) {
  let path = "";
  let isBroken = true; // a minute without calls has no figure, and no line
  column.forEach((worth, at) => {
    if (worth === null) {
      isBroken = true;
      return;
    }
    path += `${isBroken ? "M" : "L"}${x(at).toFixed(1)} ${y(worth).toFixed(1)}`;
    const isAlone = isBroken && (column[at + 1] ?? null) === null;
    if (isAlone) box.append(svg("circle", { class: `fill-${tone}`, cx: x(at), cy: y(worth), r: 2 }));
    isBroken = false;
  });
  box.append(svg("path", { class: `line-${tone}`, d: path || "M0 0" }));
}

function drawBars(box, columns, series, { x, y, slot }, isStacked) {
  const width = Math.max(1, slot * 0.75);
  columns[0].forEach((_, minute) => {
    let below = 0;
    columns.forEach((column, at) => {
      const worth = column[minute] ?? 0;
      if (worth <= 0) return;
      const top = y(below + worth);
      box.append(svg("rect", { class: `fill-${series[at].tone}`, x: x(minute) - width / 2, y: top, width, height: y(below) - top }));
      if (isStacked) below += worth;
    });
  });
}

// A minute's figures, where the pointer is.
function drawHovers(box, { unit, series, columns, minutes, x, slot }) {
  minutes.forEach((minute, at) => {
    const told = series.map(({ name }, of) => `${name}: ${figure(columns[of][at])}`);
    box.append(svg("rect", { class: "hover", x: x(at) - slot / 2, y: TOP, width: slot, height: HEIGHT - TOP - BOTTOM },
      svg("title", {}, [`${hour(minute.at)}, ${unit}`, ...told].join("\n"))));
  });
}
