// A streaming resampler between any two rates: a windowed sinc in phases.  Pure.

const CROSSINGS = 8; // of the sinc on either side: some 50 dB, more than mu-law can tell
const PHASES = 256;
const PASS = 0.92; // of the narrower band, so that the filter has room to fall

export class Resampler {
  constructor(fromHz, toHz) {
    this.step = fromHz / toHz;
    const cutoff = Math.min(1, toHz / fromHz) * PASS;
    this.reach = Math.ceil(CROSSINGS / cutoff);
    this.kernel = makeKernel(cutoff, this.reach);
    this.past = new Float32Array(this.reach * 2); // what the filter still needs
    this.at = this.reach; // the next output's place, in samples of `past` and what follows
  }

  // Returns as many samples as are due; the rest is kept for the next call.
  process(input) {
    const samples = new Float32Array(this.past.length + input.length);
    samples.set(this.past);
    samples.set(input, this.past.length);
    const last = samples.length - this.reach - 1;
    const output = new Float32Array(Math.max(0, Math.ceil((last - this.at) / this.step + 1)));
    let count = 0;
    while (this.at <= last && count < output.length) {
      output[count] = this.sum(samples, this.at);
      count += 1;
      this.at += this.step;
    }
    const drop = Math.max(0, Math.floor(this.at) - this.reach);
    this.past = samples.slice(drop);
    this.at -= drop;
    return output.subarray(0, count);
  }

  sum(samples, at) {
    const whole = Math.floor(at);
    const taps = 2 * this.reach + 1;
    const row = Math.min(PHASES - 1, Math.floor((at - whole) * PHASES)) * taps;
    let total = 0;
    for (let tap = 0; tap < taps; tap += 1) {
      total += samples[whole - this.reach + tap] * this.kernel[row + tap];
    }
    return total;
  }
}

function makeKernel(cutoff, reach) {
  const taps = 2 * reach + 1;
  const kernel = new Float32Array(PHASES * taps);
  for (let phase = 0; phase < PHASES; phase += 1) {
    let gain = 0;
    for (let tap = 0; tap < taps; tap += 1) {
      const apart = tap - reach - phase / PHASES;
      const window = Math.cos((Math.PI / 2) * Math.max(-1, Math.min(1, apart / (reach + 1)))) ** 2;
      const weight = window * cutoff * sinc(cutoff * apart);
      kernel[phase * taps + tap] = weight;
      gain += weight;
    }
    // Every phase passes a constant unchanged, or a tone would beat with the phases.
    for (let tap = 0; tap < taps; tap += 1) kernel[phase * taps + tap] /= gain;
  }
  return kernel;
}

function sinc(x) {
  return Math.abs(x) < 1e-9 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
