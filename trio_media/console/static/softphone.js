// A call from this page: microphone, speaker and the socket between them.
//
// `change` is dispatched at every change of `state`; `figures` five times a second while it lives.

import { send } from "./api.js";
import { MediaStream as Wire } from "./media_stream.js";

const UNSENT_BYTES_MAX = 64 * 1024; // some four seconds of voice: then the oldest news is worthless
const CONNECT_MS = 10_000;

export class Softphone extends EventTarget {
  constructor() {
    super();
    this.state = "idle"; // idle, starting, live, ended
    this.trouble = ""; // what is wrong, for people
    this.callSid = null;
    this.isMuted = false;
    this.figures = null;
    this.framesDropped = 0;
    this.startedAt = 0;
  }

  get isBusy() {
    return this.state === "starting" || this.state === "live";
  }

  // Begin a call.  Without a microphone the call is silent: keys still work.
  async call({ withMicrophone }) {
    if (this.isBusy) return;
    Object.assign(this, { trouble: "", callSid: null, figures: null, framesDropped: 0 });
    this.become("starting");
    try {
      // First, while the browser still sees the press of the button: later it would stay silent.
      this.context = new AudioContext({ latencyHint: "interactive" });
      this.microphone = withMicrophone ? await askForMicrophone() : null;
      await this.openAudio();
      const line = await send("/api/softphone", {});
      if (this.state !== "starting") return; // hung up meanwhile
      this.openSocket(line);
    } catch (error) {
      this.finish(error.message);
    }
  }

  async openAudio() {
    await this.context.audioWorklet.addModule(new URL("./worklet.js", import.meta.url));
    await this.context.resume();
    this.node = new AudioWorkletNode(this.context, "phone", { outputChannelCount: [1] });
    this.node.port.onmessage = ({ data }) => this.fromAudio(data);
    this.node.port.postMessage({ mute: this.isMuted });
    this.node.connect(this.context.destination);
    if (this.microphone) {
      this.source = this.context.createMediaStreamSource(this.microphone);
      this.source.connect(this.node);
    }
  }

  openSocket(line) {
    this.callSid = line.call_sid;
    this.wire = new Wire({
      callSid: line.call_sid,
      streamSid: line.stream_sid,
      accountSid: line.account_sid,
      parameters: line.parameters,
    });
    this.socket = new WebSocket(line.url);
    this.deadline = setTimeout(() => this.finish("The server did not take the call."), CONNECT_MS);
    this.socket.onopen = () => {
      clearTimeout(this.deadline);
      this.socket.send(this.wire.connected());
      this.socket.send(this.wire.start());
      this.startedAt = performance.now();
      this.become("live");
    };
    this.socket.onmessage = ({ data }) => {
      const message = this.wire.read(data);
      if (!message) return;
      const moved = message.media ? [message.media.buffer] : [];
      this.node?.port.postMessage(message, moved);
    };
    this.socket.onclose = ({ code }) => this.finish(closed(code, this.state));
  }

  fromAudio(message) {
    if (message.figures) {
      this.figures = message.figures;
      this.dispatchEvent(new Event("figures"));
    }
    if (this.state !== "live" || this.socket.readyState !== WebSocket.OPEN) return;
    if (message.echo !== undefined) this.socket.send(this.wire.mark(message.echo));
    else if (message.frame) this.sendFrame(message.frame);
  }

  sendFrame(frame) {
    if (this.socket.bufferedAmount > UNSENT_BYTES_MAX) {
      this.framesDropped += 1;
      this.wire.skip();
      return;
    }
    this.socket.send(this.wire.media(frame));
  }

  press(digit) {
    if (this.state === "live") this.socket.send(this.wire.dtmf(digit));
  }

  mute(isMuted) {
    this.isMuted = isMuted;
    this.node?.port.postMessage({ mute: isMuted });
    this.dispatchEvent(new Event("change"));
  }

  hangUp() {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(this.wire.stop());
    if (this.isBusy) this.finish("");
  }

  finish(trouble) {
    if (!this.isBusy) return;
    clearTimeout(this.deadline);
    this.trouble = trouble;
    this.node?.port.postMessage({ close: true });
    if (this.socket) {
      this.socket.onclose = null;
      this.socket.close(1000);
    }
    for (const track of this.microphone?.getTracks() ?? []) track.stop();
    this.context?.close();
    Object.assign(this, { socket: null, node: null, context: null, microphone: null });
    this.become("ended");
  }

  become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

function closed(code, state) {
  if (state === "starting") return "The server refused the call.";
  return code === 1000 ? "" : `The connection was lost (${code}).`;
}

async function askForMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error(
      "The browser gives pages no microphone here: open this page by https, or as localhost.",
    );
  }
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new Error(MICROPHONE_TROUBLES[error.name] ?? `No microphone: ${error.message}`);
  }
}

const MICROPHONE_TROUBLES = {
  NotAllowedError: "The browser may not use the microphone: allow it for this page, and call again.",
  NotFoundError: "There is no microphone on this machine.",
  NotReadableError: "The microphone is in use by another program, or broken.",
};

export const softphone = new Softphone(); // one a page: a call goes on while other views are shown
