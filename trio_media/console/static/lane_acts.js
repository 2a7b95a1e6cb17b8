// What each line of an event log does to the lanes: one entry for each event, command and note.  Pure.

import { failureInWords, seconds, words } from "./words.js";

const IN_OTHER_LANES = new Set([
  "started", "model_ready", "usage", "local_speech", "response_done", "truncated", "model_text_delta",
]);

// Returns what a line does, or undefined where the lanes do not show it.
export function actOf(line) {
  return line.note ? NOTES[line.note] ?? otherNote : ACTS[line.event ?? line.command];
}

function turn(call, line, t) {
  let known = call.turns.get(line.item_id);
  if (!known) {
    known = { fact: call.span("turn", "turn", t, null, "turn"), text: "", fate: "" };
    call.turns.set(line.item_id, known);
  }
  return known;
}

function sayTurn({ fact, text, fate }) {
  fact.label = [text ? `“${text}”` : "turn", fate].filter(Boolean).join("  ");
  fact.detail = fate ? `The turn is ${words(fate)}.` : "";
}

function response(call, line, t) {
  let known = call.responses.get(line.response);
  if (!known) {
    const label = `#${line.response} ${words(line.cause)}`;
    const fact = call.span("generated", "response", t, null, label, { number: line.response });
    known = { fact, cause: line.cause };
    call.responses.set(line.response, known);
  }
  if (line.response_id) call.numbers.set(line.response_id, line.response);
  return known;
}

function ofItem(call, line) {
  return call.items.get(line.item_id)?.number ?? 0;
}

function tool(call, line, t) {
  let fact = call.tools.get(line.call_id);
  if (!fact) {
    fact = call.span("tools", "tool", t, null, "tool");
    call.tools.set(line.call_id, fact);
  }
  return fact;
}

function hushOver(call, t) {
  const fact = call.close("hush", t);
  if (fact) fact.label = `hush ${fact.ends - fact.begins} ms`;
}

function toldModel(call, look, t, label, number = 0) {
  call.mark("model", look, t, label, { number });
}

const ACTS = {
  LocalSpeechBegan(call, line, t) {
    call.close("speech", t);
    call.open.speech = call.span("caller", "onset", line.at_ms ?? t, null, "a sound");
  },
  LocalSpeechVoiced(call, line, t) {
    if (call.open.speech) call.open.speech.label = "a voice";
  },
  LocalSpeechConfirmed(call, line, t) {
    const at = line.at_ms ?? t;
    call.close("speech", at);
    call.open.speech = call.span("caller", "speech", at, null, "speech");
  },
  LocalSpeechEnded(call, line, t) {
    call.close("speech", line.at_ms ?? t);
  },
  KeyPressed: (call, line, t) => call.mark("caller", "key", t, `key ${line.digit}`),
  ServerSpeechStarted: (call, line, t) => turn(call, line, t),
  ServerSpeechStopped: (call, line, t) => (turn(call, line, t).fact.ends = t),
  TurnCommitted: (call, line, t) => (turn(call, line, t).fact.ends ??= t),
  TurnDecided(call, line, t) {
    const known = turn(call, line, t);
    known.fate = line.fate;
    known.fact.ends ??= t;
    sayTurn(known);
  },
  ResponseOpened: (call, line, t) => response(call, line, t),
  ResponseClosed(call, line, t) {
    const known = call.responses.get(line.response);
    if (!known || known.fact.ends !== null) return;
    known.fact.ends = t;
    known.fact.label += `, ${words(line.ended)}`;
    known.fact.detail = `Generation ended: ${words(line.ended)}.`;
  },
  AudioReceived(call, line, t) {
    const item = call.item(line.item_id, line.response_id);
    item.received ??= call.span("generated", "received", t, t, "", { number: item.number });
    item.received.ends = t;
    item.receivedMs += line.length_ms;
    item.received.label = `${seconds(item.receivedMs)} of audio`;
  },
  PlayAudio: (call, line) => call.ear.sent(line),
  CarrierWrote(call, line) {
    for (const stretch of call.ear.wrote(line.seq, line.at_ms)) {
      const item = call.item(stretch.itemId, null);
      // The same object is the ear's and the lane's, so that it grows and is cut in both.
      Object.assign(stretch, { lane: "heard", look: "heard", label: "", detail: "" });
      stretch.number = item.number;
      stretch.fact = stretch;
      call.lanes.heard.push(stretch);
      item.pieces.push(stretch);
      call.say(item);
    }
  },
  ItemHeard(call, line) {
    const item = call.item(line.item_id, null);
    item.heardMs = line.heard_ms;
    item.receivedMs = Math.max(item.receivedMs, line.received_ms);
    call.say(item);
  },
  Hushed(call, line, t) {
    const detail = `${line.heard_ms} ms of it were heard.`;
    call.open.hush = call.span("floor", "hush", t, null, "hush", { detail });
  },
  Resumed(call, line, t) {
    hushOver(call, t);
    call.mark("floor", "resume", t, line.was_false ? "resume" : "resume: short");
  },
  Taken(call, line, t) {
    if (line.has_floor) hushOver(call, t);
    const number = line.responses.at(-1) ?? 0;
    call.mark("floor", "take", t, `take: ${words(line.reason)}`, { number });
  },
  ClearCarrier(call, line, t) {
    for (const stretch of call.ear.cleared(t)) call.unhear(stretch);
    call.mark("carrier", "clear", t, "clear");
  },
  SendMark: (call, line, t) => call.mark("carrier", "mark", t, `mark ${line.epoch}/${line.number}`),
  MarkEchoed: (call, line, t) => call.mark("carrier", "echo", t, `echo ${line.epoch}/${line.number}`),
  CreateResponse(call, line, t) {
    response(call, line, t);
    toldModel(call, "create", t, `create #${line.response}, ${words(line.cause)}`, line.response);
  },
  CancelResponse(call, line, t) {
    const number = call.numbers.get(line.response_id) ?? 0;
    toldModel(call, "cancel", t, `cancel #${number}`, number);
  },
  TruncateItem(call, line, t) {
    const number = ofItem(call, line);
    toldModel(call, "tell", t, `truncate #${number} at ${line.audio_end_ms} ms`, number);
  },
  DeleteItem(call, line, t) {
    const what = call.turns.has(line.item_id) ? "a turn" : `an item of #${ofItem(call, line)}`;
    toldModel(call, "tell", t, `delete ${what}`, ofItem(call, line));
  },
  SendKeys: (call, line, t) => toldModel(call, "other", t, `keys ${line.digits}`),
  SendText: (call, line, t) => toldModel(call, "other", t, "text"),
  SetTurnFlags(call, line, t) {
    toldModel(call, "other", t, line.server_acts ? "the server acts" : "we act");
  },
  PostToolOutput(call, line, t) {
    toldModel(call, "other", t, line.was_run ? "tool's result" : "tool not run");
  },
  RunTool: (call, line, t) => tool(call, line, t),
  ToolAnswered: (call, line, t) => (tool(call, line, t).ends ??= t),
  CancelTool(call, line, t) {
    const fact = tool(call, line, t);
    fact.ends ??= t;
    fact.label += ", cancelled";
  },
  SessionLost: (call, line, t) => call.mark("notes", "other", t, "model session lost"),
  EndModelSession(call, line, t) {
    call.mark("notes", "other", t, `model session ended: ${words(line.reason)}`);
  },
  EndCall(call, line, t) {
    call.ended ??= `${words(line.reason)}, by us`;
    call.mark("notes", "other", t, `we end the call: ${words(line.reason)}`);
  },
  CallEnded(call, line, t) {
    for (const stretch of call.ear.cleared(t)) call.unhear(stretch);
    call.mark("notes", "other", t, "call over");
    call.isOver = true;
  },
};

const NOTES = {
  caller_text(call, line, t) {
    const known = turn(call, line, t);
    known.text = line.text;
    known.fact.ends ??= t;
    sayTurn(known);
  },
  model_text(call, line) {
    const item = call.item(line.item_id, null);
    item.text = line.text;
    call.say(item);
  },
  tool_called: (call, line, t) => (tool(call, line, t).label = line.name),
  tool_ended(call, line, t) {
    const fact = tool(call, line, t);
    fact.ends = t;
    fact.label = `${line.name}: ${words(line.outcome)}, ${line.took_ms} ms`;
  },
  failure(call, line, t) {
    call.mark("notes", "failure", t, failureInWords(line), { detail: line.detail });
  },
  call_ended(call, line) {
    call.ended = `${words(line.reason)}, by ${line.by === "carrier" ? "the carrier" : words(line.by)}`;
  },
};

function otherNote(call, line, t) {
  if (IN_OTHER_LANES.has(line.note)) return;
  const { t_ms: _, note, ...fields } = line;
  call.mark("notes", "other", t, words(note), { detail: JSON.stringify(fields).slice(0, 300) });
}
