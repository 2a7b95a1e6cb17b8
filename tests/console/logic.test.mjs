// The page's pure modules, tested with node's own runner.  test_page_logic.py lays them beside this.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { CallFeed, merge } from "./static/call_feed.js";
import { CallLanes } from "./static/lanes.js";
import { Levels, WavReader } from "./static/levels.js";
import { MediaStream } from "./static/media_stream.js";
import { SILENCE, decodeSample, encodeSample } from "./static/mulaw.js";
import { joined, unitOf } from "./static/overview_view.js";
import { Playout } from "./static/playout.js";
import { Resampler } from "./static/resample.js";
import { Viewport, inView } from "./static/viewport.js";
import { clock, explain, money, title, used } from "./static/words.js";

const LOG = readFileSync(new URL("./demo.jsonl", import.meta.url), "utf8").split("\n");

function lanesOf(lines) {
  const call = new CallLanes();
  for (const line of lines) call.readText(typeof line === "string" ? line : JSON.stringify(line));
  return call;
}

// --- lanes -----------------------------------------------------------------------------------

test("a cancelled, a false and a late interruption are three episodes", () => {
  const { list } = lanesOf(LOG).episodes;
  assert.deepEqual(list.map(title), [
    "interrupted by local speech: cancelled",
    "hush, and on: it was nothing",
    "interrupted by local speech: already over",
  ]);
});

test("an episode tells what the model was told before it was taken", () => {
  const [first] = lanesOf(LOG).episodes.list;
  assert.deepEqual(first.told.map(({ text }) => text), [
    "The model is told to stop generating response #1",
    "The model is told that 4184 ms of #1 were heard",
  ]);
  const steps = explain(first).map(({ tMs, text }) => `${tMs} ${text}`);
  assert.match(steps[1], /^4441 0 ms later: hush\. Silence at once, after 4184 ms/);
  assert.match(steps.at(-1), /^5075 Settled after 4 ms as “cancelled”: .*our cancel stopped it/);
});

test("a turn that is deleted is no part of the interruption that is open", () => {
  for (const { told } of lanesOf(LOG).episodes.list) {
    assert.ok(told.every(({ text }) => !text.includes("nothing of #0")));
  }
});

test("what the model was told because of another event is no part of an interruption", () => {
  const [only] = lanesOf([
    { t_ms: 5, event: "ResponseOver", response_id: "r", ended: "completed", token: 1 },
    { t_ms: 5, command: "TruncateItem", command_number: 1, item_id: "i", audio_end_ms: 3 },
    { t_ms: 6, event: "KeyPressed", digit: "1" },
    { t_ms: 6, command: "Taken", interruption: 1, reason: "dtmf", request: null, responses: [], has_floor: true },
  ]).episodes.list;
  assert.deepEqual(only.told, []);
});

test("what is heard ends at the clear, whatever had been written", () => {
  const call = lanesOf([
    { t_ms: 0, command: "PlayAudio", seq: 1, epoch: 1, item_id: "i", offset_ms: 0, length_ms: 900 },
    { t_ms: 0, event: "CarrierWrote", seq: 1, at_ms: 0 },
    { t_ms: 10, command: "PlayAudio", seq: 2, epoch: 1, item_id: "j", offset_ms: 0, length_ms: 100 },
    { t_ms: 10, event: "CarrierWrote", seq: 2, at_ms: 10 },
    { t_ms: 400, command: "ClearCarrier", epoch: 2 },
  ]);
  assert.deepEqual(call.lanes.heard.map(({ begins, ends }) => [begins, ends]), [[0, 400]]);
});

test("what goes on is open until the log is complete", () => {
  const call = lanesOf([{ t_ms: 5, event: "LocalSpeechBegan", at_ms: 3 }, { t_ms: 50, event: "TimePassed" }]);
  assert.equal(call.lanes.caller[0].ends, null);
  call.finish();
  assert.deepEqual([call.lanes.caller[0].begins, call.lanes.caller[0].ends], [3, 50]);
});

test("a line that is cut off is counted and skipped", () => {
  const call = lanesOf([LOG[0], '{"t_ms":12,"ev', "null", LOG[2]]);
  assert.equal(call.badLines, 2);
  assert.equal(call.header.call_sid.slice(0, 2), "CA");
});

test("a tool's call is one span with its name and how it ended", () => {
  const call = lanesOf([
    { t_ms: 5, command: "RunTool", call_id: "c" },
    { t_ms: 6, note: "tool_called", call_id: "c", name: "book" },
    { t_ms: 90, note: "tool_ended", call_id: "c", name: "book", outcome: "returned", took_ms: 84 },
    { t_ms: 91, event: "ToolAnswered", call_id: "c", wants_answer: true },
  ]);
  const [{ begins, ends, label }] = call.lanes.tools;
  assert.deepEqual([begins, ends, label], [5, 90, "book: returned, 84 ms"]);
});

test("a take without a hush is an episode of its own", () => {
  const [only] = lanesOf([
    { t_ms: 7, event: "KeyPressed", digit: "1" },
    { t_ms: 7, command: "Taken", interruption: 1, reason: "dtmf", request: null, responses: [2], has_floor: true },
    { t_ms: 9, command: "InterruptionSettled", interruption: 1, reason: "dtmf", outcome: "cancelled", heard_ms: 70 },
  ]).episodes.list;
  assert.deepEqual([only.hushMs, only.takeMs, only.heardMs], [null, 7, 70]);
  assert.match(explain(only)[0].text, /^Take: the caller pressed a key/);
});

test("the transcript says what was heard of what was generated", () => {
  const said = lanesOf(LOG).transcript();
  assert.deepEqual(said.map(({ role }) => role), ["model", "caller", "model", "caller"]);
  assert.deepEqual([said[0].heardMs, said[0].receivedMs], [4184, 24100]);
});

test("what is heard of an answer that the end of the call cut off is what the ear says", () => {
  const play = (t, seq, offset) => [
    { t_ms: t, command: "PlayAudio", seq, epoch: 1, item_id: "i", offset_ms: offset, length_ms: 1000 },
    { t_ms: t, event: "CarrierWrote", seq, at_ms: t },
  ];
  const call = lanesOf([
    { t_ms: 0, event: "AudioReceived", response_id: "r", item_id: "i", length_ms: 9000 },
    { t_ms: 0, note: "model_text", item_id: "i", text: "one two three" },
    ...play(100, 1, 0),
    { t_ms: 600, command: "ClearCarrier", epoch: 2 }, // a hush, and on from a little earlier
    ...play(900, 2, 400),
    { t_ms: 1500, event: "CallEnded" },
  ]);
  assert.equal(call.transcript()[0].heardMs, null);
  call.finish();
  assert.deepEqual([call.transcript()[0].heardMs, call.transcript()[0].isEstimated], [1000, true]);
});

test("lines pushed while the log is read are taken once", () => {
  assert.deepEqual(merge(["a", "b", "c"], ["b", "c", "d"]), { unseen: ["d"], behind: [] });
  assert.deepEqual(merge(["a", "b"], ["c"]), { unseen: ["c"], behind: [] });
  assert.deepEqual(merge([], ["c"]), { unseen: ["c"], behind: [] });
  assert.deepEqual(merge(["a", "b", "c"], ["b", "c"]), { unseen: [], behind: [] });
});

test("a log that is ahead of what is pushed says what is still to come", () => {
  assert.deepEqual(merge(["a", "b", "c", "d"], ["b"]), { unseen: [], behind: ["c", "d"] });
  assert.deepEqual(merge(["a"], []), { unseen: [], behind: null });
});

test("each line counts once, whether the log or the push is ahead", () => {
  const feed = new CallFeed("CA1", { timeline: {}, changed() {}, troubled() {} });
  const taken = [];
  feed.lanes = { readText: (text) => taken.push(text) };
  Object.assign(feed, { isReading: false, tail: ["a", "b", "c"], behind: null });
  for (const text of ["b", "c", "d", "d", "e"]) feed.pushed(text);
  assert.deepEqual(taken, ["d", "d", "e"]);
});

// --- viewport --------------------------------------------------------------------------------

test("zooming keeps the moment under the pointer, down to a millisecond", () => {
  const view = new Viewport(1000);
  view.endMs = 60_000;
  view.fit();
  const before = view.ms(300);
  for (let step = 0; step < 60; step += 1) view.zoom(1 / 1.5, 300);
  assert.ok(Math.abs(view.ms(300) - before) < 0.01);
  assert.ok(view.x(1) - view.x(0) >= 49, "a millisecond can be seen");
  assert.match(view.ticks()[0].label, /^\d+:\d\d\.\d{3}$/);
});

test("a call that goes on scrolls only while it is followed", () => {
  const view = new Viewport(1000);
  view.isFollowing = true;
  view.advance(100_000);
  assert.ok(view.x(100_000) > 800 && view.x(100_000) < 1000);
  view.pan(-50);
  const { fromMs } = view;
  view.advance(200_000);
  assert.equal(view.fromMs, fromMs);
});

test("of many marks those in view are found", () => {
  const facts = Array.from({ length: 1000 }, (_, at) => ({ begins: at * 10 }));
  assert.deepEqual(inView(facts, 55, 90).map(({ begins }) => begins), [60, 70, 80, 90]);
  assert.deepEqual(inView(facts, 20_000, 30_000), []);
});

test("a clock shows minutes and milliseconds", () => {
  assert.equal(clock(64_071), "1:04.071");
  assert.equal(clock(599, false), "0:00");
});

// --- audio -----------------------------------------------------------------------------------

test("every mu-law code survives decoding and encoding", () => {
  for (let code = 0; code < 256; code += 1) {
    const again = encodeSample(decodeSample(code));
    assert.ok(again === code || (code === 0x7f && again === SILENCE), `code ${code}`); // minus zero
  }
  assert.equal(encodeSample(0), SILENCE);
  assert.equal(encodeSample(2), encodeSample(1));
});

for (const rateHz of [16_000, 22_050, 44_100, 48_000, 96_000]) {
  test(`a tone passes from ${rateHz} Hz to 8 kHz and back, and what is above 4 kHz does not`, () => {
    const tone = (hz) => Float32Array.from({ length: rateHz }, (_, at) => Math.sin((2 * Math.PI * hz * at) / rateHz));
    const power = (samples) => Math.sqrt(samples.slice(200, -200).reduce((sum, x) => sum + x * x, 0) / (samples.length - 400));
    const down = inPieces(new Resampler(rateHz, 8000), tone(1000));
    assert.ok(Math.abs(down.length - 8000) < 40, `${down.length} samples`);
    assert.ok(Math.abs(power(down) - Math.SQRT1_2) < 0.01, `${power(down)}`);
    assert.ok(power(inPieces(new Resampler(rateHz, 8000), tone(5500))) < 0.01);
    const up = inPieces(new Resampler(8000, rateHz), down);
    assert.ok(Math.abs(power(up) - Math.SQRT1_2) < 0.015, `${power(up)}`);
  });
}

function inPieces(resampler, samples) {
  const all = [];
  for (let at = 0; at < samples.length; at += 128) all.push(...resampler.process(samples.subarray(at, at + 128)));
  return Float32Array.from(all);
}

test("a mark is echoed when what is before it was played, and not sooner", () => {
  const echoed = [];
  const playout = new Playout((name) => echoed.push(name));
  playout.put(new Uint8Array(800).fill(1));
  playout.mark("a");
  playout.pull(799);
  assert.deepEqual(echoed, []);
  playout.pull(1);
  assert.deepEqual(echoed, ["a"]);
  playout.mark("b");
  assert.deepEqual(echoed, ["a", "b"], "nothing is before it");
});

test("a clear empties it at once and echoes all that waits", () => {
  const echoed = [];
  const playout = new Playout((name) => echoed.push(name));
  playout.put(new Uint8Array(1600).fill(1));
  playout.mark("a");
  playout.put(new Uint8Array(1600).fill(1));
  playout.mark("b");
  playout.pull(480);
  playout.clear();
  assert.deepEqual(echoed, ["a", "b"]);
  assert.ok(playout.pull(160).every((sample) => sample === 0));
  assert.deepEqual([playout.played, playout.cleared, playout.buffered], [480, 2720, 0]);
});

test("a little audio waits a moment, so that the next message comes in time", () => {
  const playout = new Playout(() => {});
  playout.put(new Uint8Array(160).fill(1));
  assert.ok(playout.pull(160).every((sample) => sample === 0));
  playout.put(new Uint8Array(320).fill(1));
  assert.ok(playout.pull(160).every((sample) => sample !== 0));
});

test("a short clip is played even when nothing follows", () => {
  const playout = new Playout(() => {});
  playout.put(new Uint8Array(160).fill(1));
  for (let at = 0; at < 5; at += 1) playout.pull(160);
  assert.equal(playout.played, 160);
});

test("audio beyond what a carrier buffers is dropped and counted", () => {
  const playout = new Playout(() => {});
  playout.put(new Uint8Array(120 * 8000));
  playout.put(new Uint8Array(160));
  assert.deepEqual([playout.buffered, playout.dropped], [120 * 8000, 160]);
});

test("a stream's messages are numbered, and a frame not sent takes its time", () => {
  const stream = new MediaStream({ callSid: "CA1", streamSid: "MZ1", accountSid: "AC1", parameters: { token: "t" } });
  const start = JSON.parse(stream.start());
  assert.deepEqual([start.sequenceNumber, start.start.customParameters.token], ["1", "t"]);
  stream.skip();
  const media = JSON.parse(stream.media(new Uint8Array([0, 255])));
  assert.deepEqual(media.media, { track: "inbound", chunk: "2", timestamp: "20", payload: "AP8=" });
  assert.equal(stream.read('{"event":"clear","streamSid":"MZ2"}'), null, "another stream's");
  assert.deepEqual(stream.read('{"event":"media","streamSid":"MZ1","media":{"payload":"AP8="}}'), { media: new Uint8Array([0, 255]) });
});

test("a recording in pieces of any size gives the levels of both sides", () => {
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  const frames = Buffer.alloc(160 * 4 * 10);
  for (let at = 160 * 5; at < 160 * 6; at += 1) frames.writeInt16LE(16384, at * 4);
  const levels = new Levels();
  const reader = new WavReader(levels);
  const bytes = Buffer.concat([header, frames]);
  for (let at = 0; at < bytes.length; at += 77) assert.ok(reader.read(new Uint8Array(bytes.subarray(at, at + 77))));
  assert.equal(levels.loudest("caller", 0, 100), 0);
  assert.ok(Math.abs(levels.loudest("caller", 100, 120) - 0.9) < 0.01);
  assert.equal(levels.loudest("heard", 0, 200), 0);
});

// --- overview --------------------------------------------------------------------------------

test("long ranges are joined: counts are added, of percentiles the worst is shown", () => {
  const minute = (at) => ({ at, calls: 2, onset_to_hush_ms: at ? { p50: at, p95: at } : null, hush_to_take_ms: null, hushes: 1,
    false_hushes: 0, generated_ms: 10, heard_ms: 5, cancels: { cancelled: 1 }, truncates: { sent: 1, rejected: 0 }, dead_air_ms: 0 });
  const entries = joined(Array.from({ length: 240 }, (_, at) => minute(at)));
  assert.equal(entries.length, 120);
  assert.deepEqual([entries[0].hushes, entries[0].cancels.cancelled, entries[0].onset_to_hush_ms.p50], [2, 2, 1]);
  assert.equal(entries[0].hush_to_take_ms.p50, null);
  assert.equal(entries[0].calls, 4);
});

test("a chart says of how long its figures are", () => {
  const units = [{ unit: "ms", kind: "lines" }, { unit: "s", kind: "bars" }, { kind: "stack" }];
  assert.deepEqual(units.map((one) => unitOf(one, 1)), ["ms", "s each minute", "each minute"]);
  assert.deepEqual(units.map((one) => unitOf(one, 12)), ["ms, worst minute of 12", "s each 12 minutes", "each 12 minutes"]);
});

// --- what is known of a call ------------------------------------------------------------------

test("a failure is a mark among the notes, with what was done and what was said", () => {
  const call = lanesOf([{ t_ms: 40, note: "failure", what: "model_lost", detail: "1006", done: "reconnect" }]);
  const [{ begins, look, label, detail }] = call.lanes.notes;
  assert.deepEqual([begins, look, label, detail], [40, "failure", "model lost: reconnect", "1006"]);
});

test("what was used is in no lane", () => {
  assert.deepEqual(lanesOf([{ t_ms: 40, note: "usage", model: "m" }]).lanes.notes, []);
});

test("a pause of the recording is a mark among the notes", () => {
  const [{ label }] = lanesOf([{ t_ms: 40, note: "recording_paused", why: "tool" }]).lanes.notes;
  assert.equal(label, "recording paused");
});

test("a cost is said to a hundredth of a cent, and none is none", () => {
  assert.equal(money("0.0069656", "EUR"), "0.0070 EUR");
  assert.equal(money(null, ""), null);
  assert.equal(money(undefined, ""), null);
});

test("each model says what it counted", () => {
  const models = [
    { model: "m", tokens: { text_in: 5, audio_out: 7 }, audio_ms: 0 },
    { model: "w", tokens: {}, audio_ms: 1500 },
  ];
  assert.equal(used({ models }), "m: 12 tokens, w: 1.50 s");
  assert.equal(used({ models: [] }), null);
  assert.equal(used(undefined), null);
});
