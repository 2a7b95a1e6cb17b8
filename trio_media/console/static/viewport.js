// Which part of a call the lanes show, and where a moment is on the screen.  Pure.

const MS_PER_PX_MIN = 0.02; // a millisecond is 50 pixels wide
const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 300000, 600000, 3600000,
];

export class Viewport {
  constructor(widthPx = 800) {
    this.widthPx = widthPx;
    this.fromMs = 0;
    this.msPerPx = 12000 / widthPx;
    this.endMs = 1000; // of the call
    this.isFollowing = false;
  }

  x(ms) {
    return (ms - this.fromMs) / this.msPerPx;
  }

  ms(x) {
    return this.fromMs + x * this.msPerPx;
  }

  get toMs() {
    return this.ms(this.widthPx);
  }

  resize(widthPx) {
    const spanMs = this.widthPx * this.msPerPx;
    this.widthPx = Math.max(1, widthPx);
    this.msPerPx = spanMs / this.widthPx;
    this.hold();
  }

  // Make it `factor` times as wide; the moment at `x` stays where it is.
  zoom(factor, x = this.widthPx / 2) {
    const atMs = this.ms(x);
    const widest = (Math.max(this.endMs, 1000) * 1.1) / this.widthPx;
    this.msPerPx = Math.min(widest, Math.max(MS_PER_PX_MIN, this.msPerPx * factor));
    this.fromMs = atMs - x * this.msPerPx;
    this.hold();
  }

  pan(px) {
    this.fromMs += px * this.msPerPx;
    this.isFollowing = false;
    this.hold();
  }

  fit() {
    this.msPerPx = (Math.max(this.endMs, 1000) * 1.02) / this.widthPx;
    this.fromMs = 0;
    this.isFollowing = false;
  }

  // Bring a stretch into view, with room around it.
  show(beginsMs, endsMs) {
    const spanMs = Math.max(endsMs - beginsMs, 200) * 2;
    this.msPerPx = Math.max(MS_PER_PX_MIN, spanMs / this.widthPx);
    this.fromMs = (beginsMs + endsMs) / 2 - spanMs / 2;
    this.isFollowing = false;
  }

  // Keep a moment in view without changing the scale.
  reveal(ms) {
    if (ms < this.fromMs || ms > this.toMs) this.fromMs = ms - (this.widthPx * this.msPerPx) / 4;
  }

  // The call went on: scroll with it, or stay.
  advance(nowMs) {
    this.endMs = Math.max(this.endMs, nowMs);
    if (this.isFollowing) this.fromMs = Math.max(0, nowMs - this.widthPx * this.msPerPx * 0.9);
  }

  hold() {
    const spanMs = this.widthPx * this.msPerPx;
    const last = Math.max(0, this.endMs - spanMs * 0.5);
    this.fromMs = Math.max(-spanMs * 0.02, Math.min(last, this.fromMs));
  }

  // Where the axis has lines: {ms, label}, not nearer than `apartPx`.
  ticks(apartPx = 90) {
    const stepMs = STEPS_MS.find((ms) => ms / this.msPerPx >= apartPx) ?? STEPS_MS.at(-1);
    const ticks = [];
    for (let ms = Math.max(0, Math.ceil(this.fromMs / stepMs) * stepMs); ms <= this.toMs; ms += stepMs) {
      ticks.push({ ms, label: label(ms, stepMs) });
    }
    return ticks;
  }
}

function label(ms, stepMs) {
  const digits = stepMs >= 1000 ? 0 : stepMs >= 100 ? 1 : stepMs >= 10 ? 2 : 3;
  const minutes = Math.floor(ms / 60000);
  const rest = (ms - minutes * 60000) / 1000;
  return `${minutes}:${rest.toFixed(digits).padStart(digits ? digits + 3 : 2, "0")}`;
}

// Of a lane whose facts all happened at one moment and are sorted, those in view.
export function inView(facts, fromMs, toMs) {
  let low = 0;
  let high = facts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (facts[middle].begins < fromMs) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < facts.length && facts[end].begins <= toMs) end += 1;
  return facts.slice(low, end);
}
