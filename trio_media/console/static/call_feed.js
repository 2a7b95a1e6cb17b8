// The lanes of one call, kept up to date: from the log that is there, and what is pushed after it.

import { Feed, callPath, get, getResponse } from "./api.js";
import { CallLanes } from "./lanes.js";
import { WavReader } from "./levels.js";

const SINCE_LINES_MAX = 20_000; // pushed since we listen
const TAIL_LINES = 1000; // of the log that what is pushed may repeat
const AGAIN_MS = 1500;
const RECORDING_BYTES_MAX = 128 * 1024 * 1024; // an hour: more is not read for a picture

export class CallFeed {
  // `changed` is told when there is something new to show; `troubled` of what went wrong.
  constructor(sid, { timeline, changed, troubled }) {
    Object.assign(this, { sid, timeline, changed, troubled });
    this.lanes = new CallLanes();
    this.call = null;
    this.aborting = new AbortController();
    this.since = [];
    this.isReading = true; // until the log was read for the first time
    this.tail = [];
    this.behind = null; // lines of the log that will still be pushed
    this.heardAt = performance.now(); // when the newest line came
    this.isLost = false; // nothing is pushed at present
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
    this.feed = new Feed(`/api/events?call=${encodeURIComponent(this.sid)}`, {
      heard: {
        call: (call) => this.about(call),
        gone: ({ call_sid: sid }) => sid === this.sid && this.over(),
        line: (_, text) => this.pushed(text),
        level: ({ at_ms: atMs, dbfs }) => this.timeline.levels.add("caller", atMs, 100, dbfs),
      },
      // At every connection anew: what was said between two of them is in the log.
      opened: () => this.catchUp(),
      lost: () => {
        this.isLost = true;
        this.changed(this);
      },
    });
  }

  about(call) {
    if (call.call_sid !== this.sid) return;
    this.call = { ...this.call, ...call };
    if (!this.isLive) this.over();
    this.changed(this);
  }

  pushed(text) {
    if (this.since.length < SINCE_LINES_MAX) this.since.push(text);
    if (this.isReading || this.hasAlready(text)) return;
    this.heardAt = performance.now();
    this.lanes.readText(text);
    this.changed(this);
  }

  // The log may be ahead of what is pushed.
  hasAlready(text) {
    if (this.behind === null) this.behind = merge(this.tail, [text]).behind;
    else if (this.behind[0] === text) this.behind.shift();
    else this.behind = [];
    const isKnown = this.behind.length > 0 || this.tail.at(-1) === text;
    if (!isKnown) this.tail = [];
    return isKnown;
  }

  // A log that is written to a file is a second late: read at once, and again when it has what
  // was said just before we listened.
  async catchUp() {
    this.since = [];
    if (this.isLost) await this.askAgain();
    await this.readBehind();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.readBehind(), AGAIN_MS);
  }

  // The call may have ended while nobody told us, with the server even.
  async askAgain() {
    this.isLost = false;
    try {
      this.about(await get(callPath(this.sid), { signal: this.aborting.signal }));
    } catch (error) {
      if (error.status === 404) this.over();
    }
    this.changed(this);
  }

  async readBehind() {
    if (!this.isLive) return;
    this.isReading = true;
    const lines = await this.readLog();
    this.isReading = false;
    if (lines === null || !this.isLive) return;
    const { unseen, behind } = merge(lines, this.since);
    this.behind = behind;
    this.tail = lines.slice(-TAIL_LINES);
    this.lanes = new CallLanes();
    for (const line of [...lines, ...unseen]) this.lanes.readText(line);
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

// Join a log and what was pushed meanwhile.  Returns the pushed lines that the log does not have,
// and those of the log that are still to be pushed; `behind` is null where that is not known yet.
export function merge(log, pushed) {
  if (pushed.length === 0) return { unseen: [], behind: null };
  for (let from = log.length - 1; from >= 0; from -= 1) {
    const common = Math.min(log.length - from, pushed.length);
    let same = 0;
    while (same < common && log[from + same] === pushed[same]) same += 1;
    if (same === common) return { unseen: pushed.slice(common), behind: log.slice(from + common) };
  }
  return { unseen: pushed, behind: [] };
}
