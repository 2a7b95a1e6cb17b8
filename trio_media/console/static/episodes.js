// The interruptions of a call: from a hush, or a take, to its decision.  Pure.
//
// Commands to the model stand in the log before the Taken that they belong to, in the batch that
// one event caused; so the batch is kept until it is known what it was.

export class Episodes {
  constructor() {
    this.list = [];
    this.hush = null; // the episode that is undecided
    this.batch = []; // what the model was told since the last event
    this.unsettled = new Map(); // interruption number -> episode
    this.onsetMs = null;
  }

  read(line, call) {
    if (line.event) this.batch = [];
    READS[line.event ?? line.command]?.(this, line, line.t_ms, call);
  }

  begin(more) {
    const episode = {
      onsetMs: null, hushMs: null, heardMs: null, voicedMs: null, serverMs: null,
      confirmedMs: null, resumeMs: null, wasFalse: false, takeMs: null, reason: null,
      responses: [], told: [], outcome: null, settleMs: null, ...more,
    };
    this.list.push(episode);
    return episode;
  }

  // Something was told to the model; a cancel that comes late belongs to what is unsettled.
  tell(tMs, text, isCancel = false) {
    const late = isCancel ? [...this.unsettled.values()].at(-1) : undefined;
    if (late) late.told.push({ tMs, text });
    else this.batch.push({ tMs, text });
  }
}

const number = (call, itemId) => call.items.get(itemId)?.number ?? 0;

const READS = {
  LocalSpeechBegan: (all, line, t) => (all.onsetMs = line.at_ms ?? t),
  LocalSpeechVoiced(all, line, t) {
    if (all.hush) all.hush.voicedMs ??= line.at_ms ?? t;
  },
  LocalSpeechConfirmed(all, line, t) {
    if (all.hush) all.hush.confirmedMs ??= line.at_ms ?? t;
  },
  ServerSpeechStarted(all, line, t) {
    if (all.hush) all.hush.serverMs ??= t;
  },
  Hushed(all, line, t) {
    all.hush = all.begin({ onsetMs: all.onsetMs, hushMs: t, heardMs: line.heard_ms });
  },
  Resumed(all, line, t) {
    if (all.hush) Object.assign(all.hush, { resumeMs: t, wasFalse: line.was_false });
    all.hush = null;
  },
  CancelResponse(all, line, t, call) {
    const which = call.numbers.get(line.response_id) ?? 0;
    all.tell(t, `The model is told to stop generating response #${which}`, true);
  },
  TruncateItem(all, line, t, call) {
    const ms = line.audio_end_ms;
    all.tell(t, `The model is told that ${ms} ms of #${number(call, line.item_id)} were heard`);
  },
  DeleteItem(all, line, t, call) {
    if (call.turns.has(line.item_id)) return;
    all.tell(t, `The model is told that nothing of #${number(call, line.item_id)} was heard`);
  },
  Taken(all, line, t) {
    const episode = all.hush ?? all.begin({});
    if (line.has_floor) all.hush = null;
    Object.assign(episode, { takeMs: t, reason: line.reason, responses: line.responses });
    episode.told.push(...all.batch);
    all.batch = [];
    all.unsettled.set(line.interruption, episode);
  },
  InterruptionSettled(all, line, t) {
    const known = all.unsettled.get(line.interruption);
    const episode = known ?? all.begin({ takeMs: t, reason: line.reason });
    all.unsettled.delete(line.interruption);
    Object.assign(episode, { outcome: line.outcome, settleMs: t });
    episode.heardMs ??= line.heard_ms;
  },
};
