// The phone's ear and mouth, on the audio thread: 8 kHz mu-law frames of 20 ms out and in.
//
// In: {media: Uint8Array}, {mark: name}, {clear: true}, {mute: boolean}, {close: true}.
// Out: {frame: Uint8Array}, {echo: name}, {figures: {...}} five times a second.

import { encodeSample } from "./mulaw.js";
import { Playout, RATE_HZ } from "./playout.js";
import { Resampler } from "./resample.js";

const FRAME_SAMPLES = 160;
const PULL_SAMPLES = 16; // 2 ms: what a clear can come too late for

class PhoneProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.playout = new Playout((name) => this.port.postMessage({ echo: name }));
    this.down = new Resampler(sampleRate, RATE_HZ);
    this.up = new Resampler(RATE_HZ, sampleRate);
    this.ready = []; // pieces at the context's rate
    this.readyCount = 0;
    this.frame = new Uint8Array(FRAME_SAMPLES);
    this.filled = 0;
    this.isMuted = false;
    this.isOpen = true;
    this.spoken = 0; // mean squares, since the last figures
    this.heard = 0;
    this.quanta = 0;
    this.port.onmessage = ({ data }) => this.told(data);
  }

  told(message) {
    if (message.media) this.playout.put(message.media);
    else if (message.mark !== undefined) this.playout.mark(message.mark);
    else if (message.clear) this.playout.clear();
    else if (message.mute !== undefined) this.isMuted = message.mute;
    else if (message.close) this.isOpen = false;
  }

  process(inputs, outputs) {
    const out = outputs[0][0];
    const microphone = this.isMuted ? undefined : inputs[0]?.[0];
    this.listen(microphone ?? new Float32Array(out.length));
    this.play(out);
    for (let channel = 1; channel < outputs[0].length; channel += 1) outputs[0][channel].set(out);
    this.quanta += 1;
    if (this.quanta * out.length >= sampleRate / 5) this.report();
    return this.isOpen;
  }

  listen(samples) {
    for (const sample of this.down.process(samples)) {
      this.spoken += sample * sample;
      this.frame[this.filled] = encodeSample(sample);
      this.filled += 1;
      if (this.filled === FRAME_SAMPLES) {
        this.port.postMessage({ frame: this.frame }, [this.frame.buffer]);
        this.frame = new Uint8Array(FRAME_SAMPLES);
        this.filled = 0;
      }
    }
  }

  play(out) {
    while (this.readyCount < out.length) {
      const piece = this.up.process(this.playout.pull(PULL_SAMPLES));
      this.ready.push(piece);
      this.readyCount += piece.length;
    }
    let filled = 0;
    while (filled < out.length) {
      const piece = this.ready[0];
      const length = Math.min(piece.length, out.length - filled);
      out.set(piece.subarray(0, length), filled);
      filled += length;
      if (length === piece.length) this.ready.shift();
      else this.ready[0] = piece.subarray(length);
    }
    this.readyCount -= out.length;
    for (const sample of out) this.heard += sample * sample;
  }

  report() {
    const { played, buffered, cleared, gaps, dropped } = this.playout;
    const toMs = (samples) => Math.round((samples * 1000) / RATE_HZ);
    this.port.postMessage({
      figures: {
        playedMs: toMs(played),
        bufferedMs: toMs(buffered),
        clearedMs: toMs(cleared),
        droppedMs: toMs(dropped),
        gaps,
        spoken: Math.sqrt(this.spoken / (RATE_HZ / 5)),
        heard: Math.sqrt(this.heard / (sampleRate / 5)),
      },
    });
    this.spoken = 0;
    this.heard = 0;
    this.quanta = 0;
  }
}

registerProcessor("phone", PhoneProcessor);
