// When the caller heard which audio, as far as the log tells.  Pure.
//
// The carrier plays what was written to it, in order and in real time, until it is cleared.

export const SEAM_MS = 20; // a frame: what is nearer than this at the ear is one stretch

export class Ear {
  constructor() {
    this.unwritten = []; // PlayAudio lines that no CarrierWrote has covered yet
    this.dryMs = 0; // when the carrier has played all that it holds
    this.stretches = []; // {itemId, offsetMs, begins, ends}: what is heard in one piece
  }

  sent(line) {
    this.unwritten.push(line);
  }

  // The carrier took everything up to `seq`.  Returns the stretches that are new.
  wrote(seq, atMs) {
    const added = [];
    while (this.unwritten.length > 0 && this.unwritten[0].seq <= seq) {
      const audio = this.unwritten.shift();
      const begins = Math.max(this.dryMs, atMs);
      this.dryMs = begins + audio.length_ms;
      const last = this.stretches[this.stretches.length - 1];
      if (last && continues(last, audio, begins)) {
        last.ends = this.dryMs;
        continue;
      }
      const stretch = {
        itemId: audio.item_id,
        offsetMs: audio.offset_ms,
        begins,
        ends: this.dryMs,
      };
      this.stretches.push(stretch);
      added.push(stretch);
    }
    return added;
  }

  // The carrier throws away what it holds.  Returns the stretches of which nothing is heard.
  cleared(atMs) {
    this.unwritten.length = 0;
    const unheard = [];
    while (this.stretches.length > 0) {
      const last = this.stretches[this.stretches.length - 1];
      if (last.begins < atMs) {
        last.ends = Math.min(last.ends, atMs);
        break;
      }
      unheard.push(this.stretches.pop());
    }
    this.dryMs = Math.min(this.dryMs, atMs);
    return unheard;
  }
}

function continues(last, audio, begins) {
  const heardMs = last.offsetMs + last.ends - last.begins;
  return (
    last.itemId === audio.item_id &&
    Math.abs(heardMs - audio.offset_ms) < SEAM_MS &&
    begins - last.ends < SEAM_MS
  );
}
