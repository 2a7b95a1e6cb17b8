// What the phone has been given to play, at 8 kHz, and the marks between.  Pure.
//
// Rule 1: audio is played in order; a mark is echoed when everything before it was played.
// Rule 2: a clear empties it at once and echoes every mark that waits.
// Rule 3: after it ran dry it waits for a little audio, or a moment, before it plays again, so that
//         a message that is late does not tear a hole.

import { decodeSample } from "./mulaw.js";

export const RATE_HZ = 8000;
const START_SAMPLES = 480; // 60 ms
const BUFFER_SAMPLES_MAX = 120 * RATE_HZ; // a carrier's buffer is bounded, too

export class Playout {
  constructor(onMark) {
    this.onMark = onMark;
    this.queue = []; // Uint8Array or the name of a mark
    this.offset = 0; // into the first piece
    this.buffered = 0;
    this.played = 0;
    this.cleared = 0;
    this.dropped = 0;
    this.gaps = 0;
    this.isPlaying = false;
    this.waited = 0;
  }

  put(bytes) {
    if (this.buffered + bytes.length > BUFFER_SAMPLES_MAX) {
      this.dropped += bytes.length;
      return;
    }
    this.queue.push(bytes);
    this.buffered += bytes.length;
  }

  mark(name) {
    this.queue.push(name);
    this.echo();
  }

  clear() {
    const marks = this.queue.filter((piece) => typeof piece === "string");
    this.cleared += this.buffered;
    this.queue = [];
    this.offset = 0;
    this.buffered = 0;
    this.isPlaying = false;
    this.waited = 0;
    for (const name of marks) this.onMark(name);
  }

  // Give the next `count` samples; silence where there is nothing to play.
  pull(count) {
    const samples = new Float32Array(count);
    if (!this.isPlaying && !this.mayBegin(count)) return samples;
    let filled = 0;
    while (filled < count && this.buffered > 0) {
      const piece = this.queue[0];
      const length = Math.min(count - filled, piece.length - this.offset);
      for (let at = 0; at < length; at += 1) {
        samples[filled + at] = decodeSample(piece[this.offset + at]);
      }
      filled += length;
      this.offset += length;
      this.buffered -= length;
      if (this.offset === piece.length) {
        this.queue.shift();
        this.offset = 0;
      }
      this.echo();
    }
    this.played += filled;
    if (filled < count) {
      this.isPlaying = false;
      this.gaps += 1;
    }
    return samples;
  }

  mayBegin(count) {
    if (this.buffered === 0) return false;
    this.waited += count;
    this.isPlaying = this.buffered >= START_SAMPLES || this.waited >= START_SAMPLES;
    if (this.isPlaying) this.waited = 0;
    return this.isPlaying;
  }

  echo() {
    while (typeof this.queue[0] === "string") this.onMark(this.queue.shift());
  }
}
