// What was decided about an interruption, and why, in words.  Pure.

const REASONS = {
  local_speech: "the local ear confirmed that the caller speaks",
  server_speech: "the model service heard the caller speak",
  dtmf: "the caller pressed a key",
  application: "the application, or somebody at this page, asked for it",
  tool: "a tool asked for it",
  hang_up: "the call was being hung up",
};

const OUTCOMES = {
  cancelled: "the model was still generating, and our cancel stopped it",
  already_over: "all of it was generated already: only the playing was cut off",
  server_cancelled: "the model service had stopped it by itself",
  nothing_to_interrupt: "there was nothing to interrupt",
  protected: "it is protected and went on",
  failed: "the model session failed meanwhile",
  timed_out: "no end of it came in time; it was silenced all the same",
  call_ended: "the call ended first",
};

export function words(name) {
  return String(name ?? "").replaceAll("_", " ");
}

export function reasonInWords(reason) {
  return REASONS[reason] ?? words(reason);
}

export function outcomeInWords(outcome) {
  return OUTCOMES[outcome] ?? words(outcome);
}

// Milliseconds as a clock: 1:04.071, or 1:04 without `withMs`.
export function clock(ms, withMs = true) {
  const whole = Math.max(0, Math.round(ms));
  const seconds = Math.floor(whole / 1000);
  const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return withMs ? `${text}.${String(whole % 1000).padStart(3, "0")}` : text;
}

export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// What the models cost, to a hundredth of a cent; nothing where they have no prices.
export function money(cost, currency) {
  return cost === null || cost === undefined ? null : `${Number(cost).toFixed(4)} ${currency}`;
}

// How many tokens each model counted, or how long it listened.
export function used(usage) {
  const told = (usage?.models ?? []).map(({ model, tokens, audio_ms: audioMs }) => {
    const count = Object.values(tokens).reduce((sum, one) => sum + one, 0);
    return `${model}: ${count > 0 ? `${count} tokens` : seconds(audioMs)}`;
  });
  return told.join(", ") || null;
}

export function failureInWords({ what, done }) {
  return done ? `${words(what)}: ${words(done)}` : words(what);
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(2)} s`;
}

// One line for a list.
export function title(episode) {
  if (episode.takeMs === null) {
    if (episode.resumeMs === null) return "hush, undecided";
    return episode.wasFalse ? "hush, and on: it was nothing" : "hush, and on: too short";
  }
  const outcome = episode.outcome === null ? "open" : words(episode.outcome);
  return `interrupted by ${words(episode.reason)}: ${outcome}`;
}

// The steps of an episode, each with its time: what was heard, decided, and told to the model.
export function explain(episode) {
  const steps = [];
  const add = (tMs, text) => {
    if (tMs !== null && tMs !== undefined) steps.push({ tMs, text });
  };
  if (episode.hushMs !== null) {
    add(episode.onsetMs, "The caller makes a sound: weak evidence of speech.");
    const after = episode.onsetMs === null ? "" : `${episode.hushMs - episode.onsetMs} ms later: `;
    add(
      episode.hushMs,
      `${after}hush. Silence at once, after ${episode.heardMs} ms of it were heard; ` +
        "nothing is said to the model yet.",
    );
  }
  add(episode.serverMs, "The model service hears the caller, too.");
  add(episode.voicedMs, "It is a human voice.");
  add(episode.confirmedMs, "It is speech that wants the floor: strong evidence.");
  if (episode.resumeMs !== null) add(episode.resumeMs, resumed(episode));
  if (episode.takeMs !== null) add(episode.takeMs, taken(episode));
  for (const told of episode.told) add(told.tMs, `${told.text}.`);
  if (episode.outcome !== null) {
    const took = episode.settleMs - (episode.takeMs ?? episode.settleMs);
    const later = took > 0 ? ` after ${took} ms` : "";
    add(
      episode.settleMs,
      `Settled${later} as “${words(episode.outcome)}”: ${outcomeInWords(episode.outcome)}.`,
    );
  }
  return steps.map((step, place) => ({ ...step, place })).sort(byTime);
}

function resumed(episode) {
  const lasted = episode.resumeMs - episode.hushMs;
  const why = episode.wasFalse
    ? "nobody spoke"
    : "a voice, but too short to be an interruption";
  return `Resume after ${lasted} ms: ${why}, so the model goes on where it was.`;
}

function taken(episode) {
  const after = episode.hushMs === null ? "" : `, ${episode.takeMs - episode.hushMs} ms after the hush`;
  const whom = episode.responses.map((number) => `#${number}`).join(", ");
  const what = whom ? ` It concerns response ${whom}.` : "";
  return `Take${after}: ${reasonInWords(episode.reason)}, so the caller has the floor.${what}`;
}

function byTime(one, other) {
  return one.tMs - other.tMs || one.place - other.place;
}
