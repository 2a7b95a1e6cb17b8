// G.711 mu-law, by tables.  Pure.  Source: ITU-T G.711; silence is 0xFF.

export const SILENCE = 0xff;

const BIAS = 0x84;
const CLIP = 32635;

const DECODED = new Float32Array(256);
for (let code = 0; code < 256; code += 1) {
  const bits = ~code & 0xff;
  const magnitude = ((((bits & 0x0f) << 3) + BIAS) << ((bits >> 4) & 0x07)) - BIAS;
  DECODED[code] = (bits & 0x80 ? -magnitude : magnitude) / 32768;
}

export function decodeSample(code) {
  return DECODED[code];
}

// `sample` is from -1 to 1; what is beyond is clipped.
export function encodeSample(sample) {
  const pcm = Math.round(sample * 32768);
  const sign = pcm < 0 ? 0x80 : 0;
  const magnitude = Math.min(CLIP, Math.abs(pcm)) + BIAS;
  const exponent = 31 - Math.clz32(magnitude) - 7;
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}
