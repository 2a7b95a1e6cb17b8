// The softphone: call the agent from this page, and watch the call.

import { CallPanel } from "./call_view.js";
import { h, say } from "./dom.js";
import { softphone } from "./softphone.js";
import { clock, seconds } from "./words.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const NARROW = matchMedia("(max-width: 860px)"); // the lanes are below: keys would hide them
const STATES = { idle: "Ready", starting: "Calling…", live: "On the line", ended: "The call is over" };

export function phoneView(root) {
  return new PhoneView(root);
}

class PhoneView {
  constructor(root) {
    this.callButton = h("button", { type: "button", class: "main big", onclick: () => this.call(true) }, "Call");
    this.silentButton = h("button", { type: "button", class: "quiet", onclick: () => this.call(false) }, "Call without a microphone");
    this.endButton = h("button", { type: "button", class: "harsh big", onclick: () => softphone.hangUp() }, "Hang up");
    this.muteButton = h("button", { type: "button", class: "quiet", onclick: () => softphone.mute(!softphone.isMuted) }, "Mute");
    this.state = h("p", { class: "phone-state", role: "status" });
    this.trouble = h("p", { class: "trouble", role: "alert" });
    this.spoken = h("meter", { min: "0", max: "1", "aria-label": "Your voice" });
    this.heard = h("meter", { min: "0", max: "1", "aria-label": "What you hear" });
    this.figures = h("p", { class: "figures" });
    this.lanes = h("div");
    const pad = h("div", { class: "pad", role: "group", "aria-label": "Keys" },
      KEYS.map((key) => h("button", { type: "button", class: "quiet", onclick: () => softphone.press(key) }, key)));
    root.append(h("header", { class: "title" }, h("h1", {}, "Softphone")),
      h("div", { class: "phone" },
        h("section", { class: "handset", "aria-label": "Phone" }, this.state, this.trouble,
          h("div", { class: "buttons" }, this.callButton, this.silentButton, this.endButton, this.muteButton),
          h("div", { class: "meters" }, h("label", {}, "You ", this.spoken), h("label", {}, "Model ", this.heard)),
          this.figures, h("details", { open: !NARROW.matches }, h("summary", {}, "Keys"), pad),
          h("p", { class: "hint" }, "Speak while it speaks: it falls silent at once. Headphones keep its voice out of your microphone. Keys may be typed.")),
        this.lanes));
    this.changed = () => this.show();
    this.measured = () => this.showFigures();
    this.typed = (event) => this.type(event);
    softphone.addEventListener("change", this.changed);
    softphone.addEventListener("figures", this.measured);
    document.addEventListener("keydown", this.typed);
    this.show();
  }

  call(withMicrophone) {
    softphone.call({ withMicrophone });
  }

  type(event) {
    const isElsewhere = event.target.closest("input, textarea, dialog, canvas");
    if (isElsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
    if (softphone.state === "live" && KEYS.includes(event.key)) softphone.press(event.key);
  }

  show() {
    const { state, trouble, callSid, isBusy, isMuted } = softphone;
    say(this.state, STATES[state]);
    this.state.dataset.state = state;
    say(this.trouble, trouble);
    this.trouble.hidden = !trouble;
    this.callButton.hidden = this.silentButton.hidden = isBusy;
    this.endButton.hidden = this.muteButton.hidden = !isBusy;
    this.muteButton.setAttribute("aria-pressed", String(isMuted));
    say(this.muteButton, isMuted ? "Muted" : "Mute");
    if (state === "ended") this.showEnd();
    if (callSid && state === "live" && this.shown !== callSid) this.watch(callSid);
  }

  watch(callSid) {
    this.shown = callSid;
    this.panel?.close();
    this.panel = new CallPanel(callSid);
    this.lanes.replaceChildren(this.panel.element);
    // The server knows the call when it has read the first messages of the stream.
    this.starting = setTimeout(() => this.panel.start(), 600);
  }

  showEnd() {
    this.spoken.value = this.heard.value = 0;
    if (softphone.figures) say(this.figures, told(softphone));
  }

  showFigures() {
    const { figures, startedAt, state } = softphone;
    if (!figures || state !== "live") return;
    this.spoken.value = loudness(figures.spoken);
    this.heard.value = loudness(figures.heard);
    say(this.state, `${STATES.live}, ${clock(performance.now() - startedAt, false)}`);
    say(this.figures, told(softphone));
    Object.assign(this.figures.dataset, { played: figures.playedMs, cleared: figures.clearedMs });
  }

  close() {
    softphone.removeEventListener("change", this.changed);
    softphone.removeEventListener("figures", this.measured);
    document.removeEventListener("keydown", this.typed);
    clearTimeout(this.starting);
    this.panel?.close();
  }
}

function told({ figures, framesDropped, state }) {
  return [`heard ${seconds(figures.playedMs)}`, `cleared ${seconds(figures.clearedMs)}`,
    state === "live" ? `${figures.bufferedMs} ms buffered` : null,
    framesDropped ? `${framesDropped} frames not sent` : null].filter(Boolean).join(" · ");
}

function loudness(meanSquareRoot) {
  return Math.max(0, 1 + (20 * Math.log10(meanSquareRoot + 1e-6)) / 60);
}
