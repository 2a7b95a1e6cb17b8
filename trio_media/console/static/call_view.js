// One call: its lanes, its interruptions and why, its transcript, its recording.

import { callPath } from "./api.js";
import { callButtons, endedButtons } from "./actions.js";
import { CallFeed } from "./call_feed.js";
import { h, say, toast } from "./dom.js";
import { Timeline } from "./timeline.js";
import { clock, counted, explain, money, seconds, title, used, words } from "./words.js";

const UNHEARD_CHARS = 120; // shown of what nobody heard

export function callView(root, sid) {
  return new CallView(root, sid);
}

// The lanes with the lists below; also what the softphone shows of its own call.
export class CallPanel {
  constructor(sid, { changed = () => {}, seek = () => {} } = {}) {
    this.seek = seek;
    this.changed = changed;
    this.chosen = -1;
    this.timeline = new Timeline({ onSeek: (ms) => this.seek(ms), jump: (by) => this.jump(by) });
    this.episodes = h("ol", { class: "episodes" });
    this.why = h("div", { class: "why", "aria-live": "polite" });
    this.transcript = h("ol", { class: "transcript" });
    this.lost = h("p", { class: "trouble", role: "status" });
    this.lost.hidden = true;
    this.element = h("div", { class: "panel" }, this.lost, this.timeline.element,
      h("div", { class: "lists" },
        h("section", { "aria-label": "Interruptions" }, h("h2", {}, "Interruptions"), this.episodes, this.why),
        h("section", { "aria-label": "Transcript" }, h("h2", {}, "Transcript"), this.transcript)));
    this.feed = new CallFeed(sid, {
      timeline: this.timeline,
      changed: () => this.changedSoon(),
      troubled: (error) => toast(error.message, true),
    });
  }

  start() {
    this.feed.start();
    this.timer = setInterval(() => this.beat(), 50);
  }

  beat() {
    if (!this.feed.isLive || document.hidden) return;
    this.timeline.advance(this.feed.nowMs);
  }

  changedSoon() {
    this.changing ??= setTimeout(() => {
      this.changing = null;
      this.showAll();
    }, 100);
  }

  showAll() {
    const { feed, timeline } = this;
    this.lost.hidden = !(feed.isLost && feed.isLive);
    say(this.lost, feed.isLost ? "The connection to the server is lost; trying again. What is shown may be old." : "");
    if (feed.isLive !== this.wasLive) {
      this.wasLive = feed.isLive;
      timeline.goLive(feed.isLive);
    }
    if (timeline.call !== feed.lanes) timeline.show(feed.lanes);
    timeline.advance(feed.nowMs);
    if (!feed.isLive && feed.lanes.isOver && !this.isFitted) {
      this.isFitted = true;
      timeline.change(() => timeline.viewport.fit());
    }
    this.showEpisodes();
    this.showTranscript();
    this.changed(feed);
  }

  showEpisodes() {
    const { list } = feedEpisodes(this.feed);
    const shown = JSON.stringify(list.map((one) => [title(one), one.told.length]));
    if (shown === this.shownEpisodes) return;
    this.shownEpisodes = shown;
    this.episodes.replaceChildren(...list.map((episode, at) => this.episodeRow(episode, at)));
    if (list.length === 0) this.episodes.append(h("li", { class: "none" }, "Nobody interrupted."));
    if (this.chosen >= 0) this.explain(list[this.chosen]);
  }

  episodeRow(episode, at) {
    const isTake = episode.takeMs !== null;
    return h("li", {}, h("button",
      { type: "button", class: isTake ? "episode take" : "episode", "aria-pressed": String(at === this.chosen),
        onclick: () => this.choose(at) },
      h("span", { class: "at" }, clock(begins(episode))), ` ${title(episode)}`));
  }

  jump(by) {
    const { list } = feedEpisodes(this.feed);
    if (list.length === 0) return;
    this.choose(Math.max(0, Math.min(list.length - 1, this.chosen + by)));
  }

  choose(at) {
    const episode = feedEpisodes(this.feed).list[at];
    if (!episode) return;
    this.chosen = at;
    [...this.episodes.querySelectorAll("button")].forEach((button, place) =>
      button.setAttribute("aria-pressed", String(place === at)));
    const ends = episode.settleMs ?? episode.takeMs ?? episode.resumeMs ?? begins(episode);
    this.timeline.change(() => this.timeline.viewport.show(begins(episode), ends));
    this.timeline.select(factOf(episode, this.feed.lanes));
    this.timeline.canvas.scrollIntoView({ block: "nearest" });
    this.explain(episode);
    this.seek(begins(episode));
  }

  explain(episode) {
    const steps = explain(episode).map(({ tMs, text }) => h("li", {},
      h("button", { type: "button", class: "at", title: "Go there", onclick: () => this.goTo(tMs) }, clock(tMs)),
      h("span", {}, text)));
    this.why.replaceChildren(h("h3", {}, "What was decided, and why"), h("ol", {}, steps));
  }

  goTo(ms) {
    const { viewport } = this.timeline;
    this.timeline.change(() => viewport.show(ms - 100, ms + 100));
    this.timeline.cursor(ms, false);
    this.timeline.canvas.scrollIntoView({ block: "nearest" });
    this.seek(ms);
  }

  showTranscript() {
    const said = this.feed.lanes.transcript();
    const shown = JSON.stringify(said);
    if (shown === this.shownTranscript) return;
    this.shownTranscript = shown;
    this.transcript.replaceChildren(...said.map((one) => this.saying(one)));
    if (said.length === 0) this.transcript.append(h("li", { class: "none" }, "Nothing was transcribed yet."));
  }

  saying(one) {
    const at = h("button", { type: "button", class: "at", onclick: () => this.goTo(one.atMs) }, clock(one.atMs, false));
    const who = one.role === "model" ? `Model #${one.number}` : "Caller";
    const note = one.role === "model" && one.heardMs !== null
      ? `heard ${one.isEstimated ? "about " : ""}${seconds(one.heardMs)} of ${seconds(one.receivedMs)}` : words(one.fate);
    return h("li", { class: one.role }, h("p", { class: "who" }, at, ` ${who}`,
      note ? h("span", { class: "note" }, ` ${note}`) : null), h("p", {}, ...heardText(one)));
  }

  close() {
    clearInterval(this.timer);
    clearTimeout(this.changing);
    this.feed.close();
    this.timeline.close();
  }
}

const feedEpisodes = (feed) => feed.lanes.episodes;
// The fact on the floor's lane by which an episode is decided, or else its hush.
function factOf({ hushMs, takeMs, resumeMs }, { lanes }) {
  const at = takeMs ?? resumeMs ?? hushMs;
  return lanes.floor.find(({ look, begins }) => begins === at && (look !== "hush" || at === hushMs)) ?? null;
}

const begins = (episode) => episode.onsetMs ?? episode.hushMs ?? episode.takeMs;

// What was not heard is struck: about where, as words have no times.
function heardText({ text, heardMs, receivedMs }) {
  if (heardMs === null || heardMs === undefined || heardMs >= receivedMs - 150) return [text];
  const cut = text.lastIndexOf(" ", Math.round((text.length * heardMs) / receivedMs)) + 1;
  const unheard = text.length - cut > UNHEARD_CHARS ? `${text.slice(cut, cut + UNHEARD_CHARS)}…` : text.slice(cut);
  return [text.slice(0, cut), h("s", { title: `Not heard, about from here: ${text.slice(cut)}` }, unheard)];
}

class CallView {
  constructor(root, sid) {
    this.sid = sid;
    this.heading = h("h1", {}, "Call");
    this.facts = h("p", { class: "facts" }, "Loading…");
    this.acts = h("div");
    this.audio = h("audio", { controls: true, preload: "metadata", "aria-label": "Recording: left the caller, right what was heard" });
    this.audio.hidden = true;
    this.panel = new CallPanel(sid, { changed: (feed) => this.show(feed), seek: (ms) => this.seek(ms) });
    root.append(h("header", { class: "title" }, this.heading, this.acts), this.facts, this.audio, this.panel.element);
    for (const kind of ["timeupdate", "seeked", "play", "pause"]) {
      this.audio.addEventListener(kind, () => this.followAudio());
    }
    this.panel.start();
    this.timer = setInterval(() => this.panel.feed.isLive && this.show(this.panel.feed), 1000);
  }

  show({ call, lanes, isLive }) {
    if (!call) return;
    say(this.heading, `${call.direction === "outbound" ? `Call to ${call.called}` : `Call from ${call.caller || "unknown"}`}`);
    document.title = `${this.heading.textContent} · trio_media`;
    const policy = lanes.header?.policy;
    const takes = lanes.episodes.list.filter(({ takeMs }) => takeMs !== null).length;
    const ended = isLive ? "live" : call.end_in_words ?? lanes.ended ?? (words(call.end_reason) || "ended");
    say(this.facts, [ended, new Date(call.started_at).toLocaleString(),
      clock(isLive ? this.panel.feed.nowMs : call.duration_ms, false), counted(lanes.responsesCount, "response"),
      counted(takes, "interruption"), call.failures_count ? counted(call.failures_count, "failure") : null,
      money(call.cost, call.currency), used(call.usage),
      policy && `authority ${policy.authority}, detector ${policy.ear}`,
      lanes.badLines ? `${lanes.badLines} lines of the log are unreadable` : null, call.call_sid].filter(Boolean).join(" · "));
    if (isLive !== this.wasLive) {
      this.wasLive = isLive;
      const isKept = call.has_log || call.has_recording;
      this.acts.replaceChildren(...(isLive ? [callButtons(call)] : isKept ? [endedButtons(call)] : []));
    }
    if (!isLive && call.has_recording && this.audio.hidden) {
      this.audio.src = callPath(this.sid, "/recording");
      this.audio.hidden = false;
    }
  }

  seek(ms) {
    if (this.audio.hidden) {
      this.panel.timeline.cursor(ms, false);
      return;
    }
    this.audio.currentTime = Math.max(0, ms) / 1000;
    this.panel.timeline.cursor(ms, false);
  }

  // `timeupdate` comes four times a second only: while it plays, every picture asks.
  followAudio() {
    cancelAnimationFrame(this.frame);
    const isPlaying = !this.audio.paused && !this.audio.ended;
    this.panel.timeline.cursor(this.audio.currentTime * 1000, isPlaying);
    if (isPlaying) this.frame = requestAnimationFrame(() => this.followAudio());
  }

  close() {
    cancelAnimationFrame(this.frame);
    clearInterval(this.timer);
    this.audio.pause();
    this.panel.close();
  }
}
