// How well interruptions went, minute by minute.

import { get } from "./api.js";
import { chart, figure, hour } from "./charts.js";
import { attempt, h } from "./dom.js";
import { words } from "./words.js";

const RANGES = [[60, "1 hour"], [360, "6 hours"], [1440, "1 day"]];
const REFRESH_MS = 60_000; // an entry a minute
const COLUMNS_MAX = 120; // of a chart: longer ranges are joined
const OUTCOME_TONES = {
  cancelled: 0, already_over: 1, server_cancelled: 2, protected: 3, failed: 4, timed_out: 5,
};

export function overviewView(root) {
  return new OverviewView(root);
}

class OverviewView {
  constructor(root) {
    this.range = 60;
    this.charts = h("div", { class: "charts" });
    this.table = h("details", { class: "as-table" });
    this.buttons = RANGES.map(([minutes, text]) => h("button",
      { type: "button", class: "quiet", onclick: () => this.choose(minutes) }, text));
    this.totals = h("dl", { class: "totals" });
    root.append(h("header", { class: "title" }, h("h1", {}, "Overview"), h("div", { class: "buttons" }, this.buttons)),
      this.totals, this.charts, this.table);
    this.choose(60);
    this.timer = setInterval(() => this.fetch(), REFRESH_MS);
  }

  choose(minutes) {
    this.range = minutes;
    this.buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(RANGES[at][0] === minutes)));
    this.fetch();
  }

  async fetch() {
    const answer = await attempt(() => get(`/api/overview?minutes=${this.range}`));
    if (!answer || this.isClosed) return;
    this.show(joined(answer.minutes), minutesEach(answer.minutes));
  }

  show(minutes, each) {
    this.totals.replaceChildren(...totals(minutes).map(([name, worth]) => h("div", {}, h("dt", {}, name), h("dd", {}, worth))));
    this.charts.replaceChildren(...CHARTS.map((one) => chart({ ...one, unit: unitOf(one, each), series: one.series(minutes), minutes })));
    this.table.replaceChildren(h("summary", {}, "The figures as a table"), asTable(minutes, each));
  }

  close() {
    this.isClosed = true;
    clearInterval(this.timer);
  }
}

const percentiles = (key) => () => [
  { name: "half of them within", tone: 0, of: (minute) => minute[key]?.p50 ?? null },
  { name: "95 of 100 within", tone: 1, of: (minute) => minute[key]?.p95 ?? null },
];

const CHARTS = [
  { title: "Onset to hush", unit: "ms", kind: "lines", series: percentiles("onset_to_hush_ms") },
  { title: "Hush to take", unit: "ms", kind: "lines", series: percentiles("hush_to_take_ms") },
  { title: "Hushes", kind: "bars", series: () => [
    { name: "all", tone: 0, of: (minute) => minute.hushes },
    { name: "false", tone: 1, of: (minute) => minute.false_hushes },
  ] },
  { title: "Generated and heard", unit: "s", kind: "bars", series: () => [
    { name: "generated", tone: 3, of: (minute) => minute.generated_ms / 1000 },
    { name: "heard", tone: 0, of: (minute) => minute.heard_ms / 1000 },
  ] },
  { title: "How interruptions ended", kind: "stack", series: cancelSeries },
  { title: "Truncates", kind: "bars", series: () => [
    { name: "sent", tone: 0, of: (minute) => minute.truncates?.sent ?? 0 },
    { name: "rejected", tone: 4, of: (minute) => minute.truncates?.rejected ?? 0 },
  ] },
  { title: "Dead air", unit: "s", kind: "bars", series: () => [
    { name: "an answer was owed, and nobody was heard", tone: 4, of: (minute) => minute.dead_air_ms / 1000 },
  ] },
  { title: "Calls", kind: "bars", series: () => [{ name: "began", tone: 2, of: (minute) => minute.calls }] },
];

function cancelSeries(minutes) {
  const names = [...new Set(minutes.flatMap((minute) => Object.keys(minute.cancels ?? {})))].sort();
  if (names.length === 0) names.push("cancelled");
  return names.map((name, at) => ({
    name: words(name), tone: OUTCOME_TONES[name] ?? at % 6, of: (minute) => minute.cancels?.[name] ?? 0,
  }));
}

const minutesEach = (minutes) => Math.max(1, Math.ceil(minutes.length / COLUMNS_MAX));

// What a chart counts, and of how long: "ms, worst minute of 12", "s each minute".
export function unitOf({ unit, kind }, each) {
  if (kind === "lines") return each === 1 ? unit : `${unit}, worst minute of ${each}`;
  return [unit, each === 1 ? "each minute" : `each ${each} minutes`].filter(Boolean).join(" ");
}

// Long ranges have more minutes than a chart has room: neighbours become one entry.
export function joined(minutes) {
  const size = minutesEach(minutes);
  if (size <= 1) return minutes;
  const entries = [];
  for (let at = 0; at < minutes.length; at += size) entries.push(join(minutes.slice(at, at + size)));
  return entries;
}

const sum = (minutes, of) => minutes.reduce((total, minute) => total + (of(minute) ?? 0), 0);
const most = (minutes, of) => {
  const known = minutes.map(of).filter((worth) => worth !== null && worth !== undefined);
  return known.length ? Math.max(...known) : null;
};

// Percentiles cannot be added: of several minutes the worst is shown.
function join(minutes) {
  const worst = (key) => ({ p50: most(minutes, (one) => one[key]?.p50), p95: most(minutes, (one) => one[key]?.p95) });
  const cancels = {};
  for (const minute of minutes) {
    for (const [name, count] of Object.entries(minute.cancels ?? {})) cancels[name] = (cancels[name] ?? 0) + count;
  }
  const added = (key) => sum(minutes, (minute) => minute[key]);
  return {
    at: minutes[0].at, calls: added("calls"), cancels,
    onset_to_hush_ms: worst("onset_to_hush_ms"), hush_to_take_ms: worst("hush_to_take_ms"),
    hushes: added("hushes"), false_hushes: added("false_hushes"), generated_ms: added("generated_ms"),
    heard_ms: added("heard_ms"), dead_air_ms: added("dead_air_ms"),
    truncates: { sent: sum(minutes, (one) => one.truncates?.sent), rejected: sum(minutes, (one) => one.truncates?.rejected) },
  };
}

function totals(minutes) {
  const hushes = sum(minutes, (minute) => minute.hushes);
  const share = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");
  return [
    ["hushes", String(hushes)],
    ["of them false", share(sum(minutes, (minute) => minute.false_hushes), hushes)],
    ["of what was generated, heard", share(sum(minutes, (one) => one.heard_ms), sum(minutes, (one) => one.generated_ms))],
    ["truncates rejected", String(sum(minutes, (minute) => minute.truncates?.rejected))],
    ["dead air", `${(sum(minutes, (minute) => minute.dead_air_ms) / 1000).toFixed(1)} s`],
  ];
}

function asTable(minutes, each) {
  const heads = ["At", ...CHARTS.flatMap((one) => one.series(minutes).map(({ name }) => `${one.title}: ${name} (${unitOf(one, each)})`))];
  const rows = minutes.map((minute) => h("tr", {}, h("th", { scope: "row" }, hour(minute.at)),
    CHARTS.flatMap((one) => one.series(minutes).map(({ of }) => h("td", {}, figure(of(minute) ?? null))))));
  return h("div", { class: "wide" }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows)));
}
