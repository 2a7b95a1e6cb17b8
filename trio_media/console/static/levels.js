// How loud both sides of a call were, for a picture: one height from 0 to 1 for every 20 ms.

export const STEP_MS = 20;
const FLOOR_DBFS = -60; // what is below is silence to a picture
const STEPS_MAX = (6 * 3600 * 1000) / STEP_MS; // six hours

export function height(dbfs) {
  return Math.max(0, Math.min(1, 1 - dbfs / FLOOR_DBFS));
}

export class Levels {
  constructor() {
    this.channels = { caller: new Float32Array(1024), heard: new Float32Array(1024) };
    this.ends = { caller: 0, heard: 0 };
  }

  // `dbfs` is of the `lengthMs` that end at `atMs`.
  add(channel, atMs, lengthMs, dbfs) {
    const end = Math.min(STEPS_MAX, Math.round(atMs / STEP_MS));
    const begin = Math.max(0, Math.round((atMs - lengthMs) / STEP_MS));
    if (end > this.channels[channel].length) this.grow(channel, end);
    this.channels[channel].fill(height(dbfs), begin, end);
    this.ends[channel] = Math.max(this.ends[channel], end);
  }

  grow(channel, steps) {
    const wider = new Float32Array(Math.max(steps, this.channels[channel].length * 2));
    wider.set(this.channels[channel]);
    this.channels[channel] = wider;
  }

  // The loudest between two moments.
  loudest(channel, fromMs, toMs) {
    const end = Math.min(this.ends[channel], Math.max(1, Math.ceil(toMs / STEP_MS)));
    let loudest = 0;
    for (let at = Math.max(0, Math.floor(fromMs / STEP_MS)); at < end; at += 1) {
      loudest = Math.max(loudest, this.channels[channel][at]);
    }
    return loudest;
  }
}

const HEADER_BYTES_MAX = 4096;

// Reads a stereo recording (16-bit PCM: left the caller, right what was heard) as it comes in
// pieces of any size, and keeps nothing of it but the levels.
export class WavReader {
  constructor(levels) {
    this.levels = levels;
    this.rest = new Uint8Array(0);
    this.format = null;
    this.steps = 0;
  }

  // Returns false when it is no recording of that kind.
  read(bytes) {
    const all = new Uint8Array(this.rest.length + bytes.length);
    all.set(this.rest);
    all.set(bytes, this.rest.length);
    let at = 0;
    if (!this.format) {
      this.format = readHeader(all);
      if (!this.format) {
        this.rest = all;
        return all.length < HEADER_BYTES_MAX;
      }
      at = this.format.begin;
    }
    const stepBytes = (this.format.rateHz / (1000 / STEP_MS)) * 4;
    const view = new DataView(all.buffer);
    for (; at + stepBytes <= all.length; at += stepBytes) this.step(view, at, stepBytes);
    this.rest = all.slice(at);
    return true;
  }

  step(view, begin, bytes) {
    let caller = 1;
    let heard = 1;
    for (let at = begin; at < begin + bytes; at += 4) {
      caller = Math.max(caller, Math.abs(view.getInt16(at, true)));
      heard = Math.max(heard, Math.abs(view.getInt16(at + 2, true)));
    }
    this.steps += 1;
    this.levels.add("caller", this.steps * STEP_MS, STEP_MS, dbfs(caller));
    this.levels.add("heard", this.steps * STEP_MS, STEP_MS, dbfs(heard));
  }
}

function dbfs(peak) {
  return 20 * Math.log10(peak / 32768);
}

function readHeader(bytes) {
  const view = new DataView(bytes.buffer);
  let at = 12;
  let format = null;
  while (at + 8 <= bytes.length) {
    const name = String.fromCharCode(...bytes.subarray(at, at + 4));
    const size = view.getUint32(at + 4, true);
    if (name === "fmt " && at + 24 <= bytes.length) {
      const isOurs = view.getUint16(at + 10, true) === 2 && view.getUint16(at + 22, true) === 16;
      format = isOurs ? { rateHz: view.getUint32(at + 12, true) } : null;
    }
    if (name === "data") return format && { ...format, begin: at + 8 };
    at += 8 + size + (size % 2);
  }
  return null;
}
