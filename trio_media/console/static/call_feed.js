// The lanes of one call, kept up to date: from the log that is there, and what is pushed after it.

import { Feed, callPath, get, getResponse } from "./api.js";
import { CallLanes } from "./lanes.js";
import { WavReader } from "./levels.js";

const WAITING_LINES_MAX = 20_000; // pushed while the log is read
const RECORDING_BYTES_MAX = 128 * 1024 * 1024; // an hour: more is not read for a picture

export class CallFeed {
  // `changed` is told when there is something new to show; `troubled` of what went wrong.
  constructor(sid, { timeline, changed, troubled }) {
    Object.assign(this, { sid, timeline, changed, troubled });
    this.lanes = new CallLanes();
    this.call = null;
    this.aborting = new AbortController();
    this.waiting = null; // lines pushed while the log is read
    this.heardAt = performance.now(); // when the newest line came
  }

  async start() {
    const { signal } = this.aborting;
    try {
      this.call = await get(callPath(this.sid), { signal });
    } catch (error) {
      if (error.name !== "AbortError") this.troubled(error);
      return;
    }
    this.changed(this);
    if (this.isLive) this.follow();
    else await this.readWhole();
  }

  get isLive() {
    return this.call?.state === "live";
  }

  // How far the call has come: a live one goes on between its lines.
  get nowMs() {
    const sinceMs = this.isLive ? performance.now() - this.heardAt : 0;
    return this.lanes.endMs + Math.min(sinceMs, 5000);
  }

  follow() {
    this.waiting = [];
    this.feed = new Feed(`/api/events?call=${encodeURIComponent(this.sid)}`, {
      heard: {
        call: (call) => this.about(call),
        gone: ({ call_sid: sid }) => sid === this.sid && this.over(),
        line: (_, text) => this.pushed(text),
        level: ({ at_ms: atMs, dbfs }) => this.timeline.levels.add("caller", atMs, 100, dbfs),
      },
      // At every connection anew: what was said between two of them is in the log.
      opened: () => this.catchUp(),
      lost: () => this.changed(this),
    });
  }

  about(call) {
    if (call.call_sid !== this.sid) return;
    this.call = { ...this.call, ...call };
    if (!this.isLive) this.over();
    this.changed(this);
  }

  pushed(text) {
    if (this.waiting) {
      if (this.waiting.length < WAITING_LINES_MAX) this.waiting.push(text);
      return;
    }
    this.heardAt = performance.now();
    this.lanes.readText(text);
    this.changed(this);
  }

  async catchUp() {
    this.waiting = [];
    const lines = await this.readLog();
    if (lines === null) return;
    this.lanes = new CallLanes();
    for (const line of [...lines, ...unseen(lines, this.waiting ?? [])]) this.lanes.readText(line);
    this.waiting = null;
    this.heardAt = performance.now();
    this.timeline.show(this.lanes);
    this.changed(this);
  }

  async readLog() {
    try {
      const response = await getResponse(callPath(this.sid, "/log"), { signal: this.aborting.signal });
      return (await response.text()).split("\n").filter(Boolean);
    } catch (error) {
      if (error.status === 404) return []; // there is none: the pushed lines have to do
      if (error.name !== "AbortError") this.troubled(error);
      return null;
    }
  }

  // It is over: the file has all of it, and perhaps there is a recording now.
  over() {
    if (this.isOver) return;
    this.isOver = true;
    this.feed?.close();
    this.timer = setTimeout(() => this.fetchEnded(), 700); // the files are closed after the call
  }

  async fetchEnded() {
    this.lanes.finish();
    try {
      this.call = await get(callPath(this.sid), { signal: this.aborting.signal });
    } catch {
      this.call = { ...this.call, state: "ended" }; // nothing was kept: what was seen remains
    }
    this.call.state = "ended";
    if (this.call.has_log) await this.readWhole();
    else this.changed(this);
  }

  async readWhole() {
    const lines = await this.readLog();
    if (lines === null) return;
    const lanes = new CallLanes();
    for (const line of lines) lanes.readText(line);
    lanes.finish();
    this.lanes = lanes;
    this.timeline.show(lanes);
    this.changed(this);
    if (this.call.has_recording) await this.readLevels();
  }

  async readLevels() {
    try {
      const response = await getResponse(callPath(this.sid, "/recording"), {
        signal: this.aborting.signal,
      });
      if (Number(response.headers.get("Content-Length")) > RECORDING_BYTES_MAX) {
        await response.body.cancel();
        return;
      }
      const wav = new WavReader(this.timeline.levels);
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || !wav.read(value)) break;
        this.timeline.redraw();
      }
      this.timeline.redraw();
    } catch (error) {
      if (error.name !== "AbortError") this.troubled(error);
    }
  }

  close() {
    this.aborting.abort();
    this.feed?.close();
    clearTimeout(this.timer);
  }
}

// Of the lines that were pushed while the log was read, those that the log does not have.
export function unseen(log, pushed) {
  if (pushed.length === 0) return [];
  const tail = log.slice(-pushed.length);
  for (let overlap = tail.length; overlap > 0; overlap -= 1) {
    const from = tail.length - overlap;
    let same = 0;
    while (same < overlap && tail[from + same] === pushed[same]) same += 1;
    if (same === overlap) return pushed.slice(overlap);
  }
  return pushed;
}
