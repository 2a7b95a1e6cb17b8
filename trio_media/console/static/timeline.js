// The lanes of a call as a thing to look around in: zoom, pan, choose an event.

import { h, say } from "./dom.js";
import { Levels } from "./levels.js";
import { AXIS_PX, Painting, gutter, layout, readColours } from "./paint.js";
import { Viewport } from "./viewport.js";
import { clock, words } from "./words.js";

const ZOOM_STEP = 1.5;
const NEAR_PX = 12; // a finger is wide
const HINT =
  "Wheel or pinch: zoom. Drag: move. Keys: + and − zoom, arrows move, 0 shows all, " +
  "n and p next and previous interruption, . and , next and previous event.";

export class Timeline {
  // `onSeek` is told of a moment that was chosen; `jump` goes to an interruption, by +1 or -1.
  constructor({ onSeek, jump }) {
    this.onSeek = onSeek;
    this.jump = jump;
    this.levels = new Levels();
    this.viewport = new Viewport();
    this.cursorMs = null;
    this.selected = null;
    this.boxes = [];
    this.pointers = new Map();
    this.canvas = h("canvas", {
      tabindex: "0", role: "img", "aria-describedby": "timeline-hint",
      "aria-label": "Time line of the call: events below are also in the lists of this page",
    });
    this.tip = h("div", { class: "tip", "aria-hidden": "true" });
    this.tip.hidden = true;
    this.detail = h("p", { class: "detail", role: "status" }, "Choose an event to read it.");
    this.follow = this.button("Follow", "Scroll with the call", () => this.toggleFollow());
    this.follow.hidden = true;
    this.element = h(
      "section",
      { class: "timeline", "aria-label": "Time line" },
      h(
        "div",
        { class: "toolbar" },
        this.button("−", "Zoom out", () => this.zoom(ZOOM_STEP)),
        this.button("+", "Zoom in", () => this.zoom(1 / ZOOM_STEP)),
        this.button("All", "Show the whole call", () => this.change(() => this.viewport.fit())),
        this.follow,
        h(
          "span",
          { class: "jump" },
          this.button("◂", "Previous interruption", () => this.jump(-1)),
          "Interruption",
          this.button("▸", "Next interruption", () => this.jump(1)),
        ),
      ),
      h("div", { class: "stage" }, this.canvas, this.tip),
      this.detail,
      h("p", { class: "hint", id: "timeline-hint" }, HINT),
    );
    this.listen();
  }

  button(text, label, act) {
    // A sign needs a name; a word is one.
    const name = text.length > 1 ? null : label;
    return h("button", { type: "button", class: "quiet", "aria-label": name, title: label, onclick: act }, text);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerleave", () => this.hover(null));
    for (const kind of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(kind, (event) => this.up(event, kind === "pointerup"));
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.element);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => {
      this.colours = null;
      this.redraw();
    };
    this.scheme.addEventListener("change", this.recolour);
  }

  // Show a call; `nowMs` is how far it has come.
  show(call) {
    this.call = call;
    this.redraw();
  }

  advance(nowMs) {
    this.nowMs = nowMs;
    this.viewport.advance(nowMs);
    this.redraw();
  }

  goLive(isLive) {
    this.follow.hidden = !isLive;
    this.viewport.isFollowing = isLive;
    this.showFollowing();
  }

  toggleFollow() {
    this.viewport.isFollowing = !this.viewport.isFollowing;
    this.change(() => this.viewport.advance(this.nowMs ?? 0));
  }

  showFollowing() {
    this.follow.setAttribute("aria-pressed", String(this.viewport.isFollowing));
  }

  cursor(ms, isPlaying) {
    this.cursorMs = ms;
    if (isPlaying && !this.pointers.size) this.viewport.reveal(ms);
    this.redraw();
  }

  select(fact) {
    this.selected = fact;
    say(this.detail, fact ? describe(fact) : "Choose an event to read it.");
    this.redraw();
  }

  change(act) {
    act();
    this.showFollowing();
    this.redraw();
  }

  zoom(factor, x) {
    this.change(() => this.viewport.zoom(factor, x));
  }

  resize() {
    const widthPx = Math.floor(this.element.clientWidth);
    if (widthPx === 0) return;
    this.widthPx = widthPx;
    this.viewport.resize(widthPx - gutter(widthPx));
    this.colours = null;
    this.redraw();
  }

  redraw() {
    if (this.drawing || !this.call || !this.widthPx) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = null;
      this.draw();
    });
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const tall = layout(this.call, this.widthPx).height;
    const [width, height] = [Math.round(this.widthPx * ratio), Math.round(tall * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
      this.canvas.style.height = `${tall}px`;
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.colours ??= readColours(this.element);
    const scene = { ...this, nowMs: this.nowMs ?? this.call.endMs };
    const painting = new Painting(context, scene, this.widthPx);
    painting.draw();
    this.boxes = painting.boxes;
  }

  place(event) {
    const bounds = this.canvas.getBoundingClientRect();
    return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
  }

  inLanes(x) {
    return x - gutter(this.widthPx);
  }

  wheel(event) {
    event.preventDefault();
    this.hover(null);
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (isSideways) this.change(() => this.viewport.pan(event.deltaX || event.deltaY));
    else this.zoom(Math.exp(event.deltaY * 0.0022), this.inLanes(this.place(event).x));
  }

  // Say what is under the pointer, next to it.
  hover(fact, at) {
    const { canvas, tip } = this;
    canvas.classList.toggle("over-event", Boolean(fact));
    tip.hidden = !fact;
    if (!fact) return;
    say(tip, describe(fact));
    const isLow = at.y > canvas.clientHeight - tip.offsetHeight - 24;
    const left = Math.min(at.x + 12, this.widthPx - tip.offsetWidth - 4);
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${isLow ? at.y - tip.offsetHeight - 10 : at.y + 18}px`;
  }

  down(event) {
    this.hover(null);
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
    this.moved = this.pointers.size > 1 ? Infinity : 0;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    const now = this.place(event);
    if (!before) {
      if (event.pointerType === "mouse") this.hover(this.hit(now), now);
      return;
    }
    this.pointers.set(event.pointerId, now);
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const factor = Math.abs(before.x - other.x) / Math.max(8, Math.abs(now.x - other.x));
      this.zoom(Math.max(0.5, Math.min(2, factor)), this.inLanes((now.x + other.x) / 2));
      return;
    }
    this.moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    if (this.moved > 4) this.change(() => this.viewport.pan(before.x - now.x));
  }

  up(event, isTap) {
    const at = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (!at || !isTap || this.moved > 4) return;
    const fact = this.hit(at);
    this.select(fact);
    this.onSeek(fact && at.y > AXIS_PX ? fact.begins : this.viewport.ms(this.inLanes(at.x)));
  }

  // The event at a place, or the nearest within a finger's width.
  hit({ x, y }) {
    let nearest = null;
    let best = NEAR_PX;
    for (const box of this.boxes) {
      const apart =
        Math.max(box.x0 - x, x - box.x1, 0) + Math.max(box.y0 - y, y - box.y1, 0) +
        Math.min(box.x1 - box.x0, 400) / 1e4; // of two at one place, the shorter
      if (apart < best) [nearest, best] = [box.fact, apart];
    }
    return nearest;
  }

  key(event) {
    const act = KEYS[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.change(() => act(this));
  }

  // Choose the next event in time, whatever lane it is on.  Marks are too many to step through.
  step(by) {
    const facts = Object.values(this.call.lanes).flat().filter(({ look }) => !["mark", "echo"].includes(look));
    facts.sort((one, other) => one.begins - other.begins);
    const middle = this.viewport.ms(this.viewport.widthPx / 2);
    let at = facts.indexOf(this.selected);
    if (at < 0) at = facts.findIndex(({ begins }) => begins >= middle) - (by > 0 ? 1 : 0);
    const fact = facts[Math.max(0, Math.min(facts.length - 1, at + by))];
    if (!fact) return;
    this.viewport.isFollowing = false;
    this.viewport.reveal(fact.begins);
    this.select(fact);
    this.onSeek(fact.begins);
  }

  close() {
    this.watch.disconnect();
    this.scheme.removeEventListener("change", this.recolour);
    cancelAnimationFrame(this.drawing);
  }
}

const KEYS = {
  "+": (line) => line.viewport.zoom(1 / ZOOM_STEP),
  "=": (line) => line.viewport.zoom(1 / ZOOM_STEP),
  "-": (line) => line.viewport.zoom(ZOOM_STEP),
  0: (line) => line.viewport.fit(),
  ArrowLeft: (line) => line.viewport.pan(-line.viewport.widthPx / 8),
  ArrowRight: (line) => line.viewport.pan(line.viewport.widthPx / 8),
  Home: (line) => line.viewport.pan(-Infinity),
  n: (line) => line.jump(1),
  p: (line) => line.jump(-1),
  ".": (line) => line.step(1),
  ",": (line) => line.step(-1),
};

export function describe(fact) {
  const until = fact.ends === null ? ", goes on" : ` to ${clock(fact.ends)}, ${fact.ends - fact.begins} ms`;
  const when = fact.ends === fact.begins ? clock(fact.begins) : clock(fact.begins) + until;
  const detail = fact.detail && fact.detail !== fact.label ? ` ${fact.detail}` : "";
  return `${when}  ${fact.label || words(fact.look)}.${detail}`.replaceAll("..", ".");
}
