// Twilio's Media Streams as the carrier speaks it: the messages of one call.  Pure.
//
// Source: https://www.twilio.com/docs/voice/media-streams/websocket-messages
// Numbers are strings on this wire.

const FRAME_MS = 20;

export class MediaStream {
  constructor({ callSid, streamSid, accountSid, parameters }) {
    this.callSid = callSid;
    this.streamSid = streamSid;
    this.accountSid = accountSid;
    this.parameters = parameters;
    this.sequence = 0;
    this.chunk = 0;
  }

  connected() {
    return JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" });
  }

  start() {
    return this.numbered("start", {
      start: {
        accountSid: this.accountSid,
        streamSid: this.streamSid,
        callSid: this.callSid,
        tracks: ["inbound"],
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
        customParameters: this.parameters,
      },
    });
  }

  media(frame) {
    const timestamp = String(this.chunk * FRAME_MS);
    this.chunk += 1;
    const payload = btoa(String.fromCharCode(...frame));
    return this.numbered("media", {
      media: { track: "inbound", chunk: String(this.chunk), timestamp, payload },
    });
  }

  // A frame that is not sent takes its time all the same.
  skip() {
    this.chunk += 1;
  }

  dtmf(digit) {
    return this.numbered("dtmf", { dtmf: { track: "inbound_track", digit } });
  }

  mark(name) {
    return this.numbered("mark", { mark: { name } });
  }

  stop() {
    return this.numbered("stop", { stop: { accountSid: this.accountSid, callSid: this.callSid } });
  }

  numbered(event, body) {
    this.sequence += 1;
    return JSON.stringify({
      event,
      sequenceNumber: String(this.sequence),
      streamSid: this.streamSid,
      ...body,
    });
  }

  // Read a message of the server: {media: bytes}, {mark: name} or {clear: true}; null for others.
  read(text) {
    const message = JSON.parse(text);
    if (message.streamSid !== this.streamSid) return null;
    if (message.event === "media") {
      return { media: Uint8Array.from(atob(message.media.payload), (c) => c.charCodeAt(0)) };
    }
    if (message.event === "mark") return { mark: message.mark.name };
    return message.event === "clear" ? { clear: true } : null;
  }
}
