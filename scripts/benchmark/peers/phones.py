"""Many phones in one process, speaking Twilio Media Streams to a bridge, as cheaply as can be.

Each sends a frame every 20 ms, interrupts on a schedule, plays what it gets (in its mind), echoes
marks as the carrier does, and notes when it was asked to be silent.

Rule 1: all phones share one loop over their next frames, which are in a ring: the order of the
phones never changes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from array import array
from collections import deque
from pathlib import Path
from typing import Any, Final

import commands
import picows
import stamps
import uvloop

FRAME_S: Final = 0.02
QUIET: Final = stamps.Blank(b"\xff" * stamps.FRAME_BYTES)
FIRST_WORDS_S: Final = 1.0  # after the call began, for the bridge to reach its model


class Measured:
    """What was seen since the last reset."""

    def __init__(self) -> None:
        self.frames = 0
        self.media = 0
        self.media_bytes = 0
        self.marks = 0
        self.clears: list[tuple[int, int]] = []  # call, when
        self.onsets: list[tuple[int, int, bool]] = []  # call, when, over the far end
        self.bursts: list[tuple[int, int]] = []  # call, when sound began
        self.lateness_us = array("L")
        self.delta_us = array("L")

    def plain(self) -> dict[str, Any]:
        arrays = {"lateness_us": list(self.lateness_us), "delta_us": list(self.delta_us)}
        return {**vars(self), **arrays}


class Phone(picows.WSListener):  # type: ignore[misc]
    """One call."""

    measured = Measured()
    lost = 0
    live = 0
    script: Final[list[tuple[stamps.Blank, bool, bool]]] = []  # a frame, speech or not, an onset

    def __init__(self, number: int) -> None:
        self.number = number
        self.stream_sid = f"MZ{number:032x}"
        self.frame = 0
        self.sequence = 1
        self.place = self.quiet_frames = 0
        self.due = self.ends_at = 0.0
        self.plays_until = 0.0
        self.echoes: list[tuple[str, asyncio.TimerHandle]] = []
        self.answers_heard = 0
        self.is_over = False

    def on_ws_connected(self, transport: Any) -> None:
        Phone.live += 1
        self.transport = transport
        self.put('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        call_sid = f"CA{self.number:032x}"
        start = {
            "accountSid": "AC" + "0" * 32,
            "streamSid": self.stream_sid,
            "callSid": call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {},
        }
        event = {"event": "start", "sequenceNumber": "1", "streamSid": self.stream_sid}
        self.put(json.dumps({**event, "start": start}))
        # A schedule of its own for each, so that they do not all speak at once.
        self.place = self.number * 37 % len(Phone.script)
        self.quiet_frames = int(FIRST_WORDS_S / FRAME_S)

    def on_ws_disconnected(self, transport: Any) -> None:
        Phone.live -= 1
        if not self.is_over:
            Phone.lost += 1
        self.is_over = True

    def put(self, message: str) -> None:
        self.transport.send(picows.WSMsgType.TEXT, message.encode())

    def speak(self) -> None:
        """Send one frame."""
        measured, script = Phone.measured, Phone.script
        if self.quiet_frames:
            self.quiet_frames -= 1
            blank, is_speech, is_onset = QUIET, False, False
        else:
            blank, is_speech, is_onset = script[self.place]
            self.place = (self.place + 1) % len(script)
        self.frame += 1
        self.sequence += 1
        if is_onset:
            is_over_far_end = self.plays_until > time.monotonic()
            measured.onsets.append((self.number, stamps.now_us(), is_over_far_end))
        payload = blank.stamped(is_speech, self.frame, self.number)
        self.put(
            f'{{"event":"media","sequenceNumber":"{self.sequence}","streamSid":"{self.stream_sid}",'
            f'"media":{{"track":"inbound","chunk":"{self.frame}","timestamp":"{self.frame * 20}",'
            f'"payload":"{payload}"}}}}'
        )
        measured.frames += 1

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            message = frame.get_payload_as_bytes()
            if b'"payload"' in message:
                self.play(stamps.between(message, b'"payload":'))
            else:
                self.obey(json.loads(message))
        elif frame.msg_type == picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.CLOSE:
            transport.disconnect()

    def play(self, payload: bytes) -> None:
        measured, now = Phone.measured, time.monotonic()
        size = len(payload) * 3 // 4
        measured.media += 1
        measured.media_bytes += size
        if now > self.plays_until:
            measured.bursts.append((self.number, stamps.now_us()))
        self.plays_until = max(self.plays_until, now) + size / 8_000
        stamp = stamps.read_base64(payload)
        if stamp is not None and stamp[0] and stamp[2] > self.answers_heard:
            self.answers_heard = stamp[2]
            measured.delta_us.append(stamps.since_us(stamp[1]))

    def obey(self, event: dict[str, Any]) -> None:
        if event["event"] == "mark":
            name = event["mark"]["name"]
            wait_s = max(0.0, self.plays_until - time.monotonic())
            timer = asyncio.get_running_loop().call_later(wait_s, self.echo, name)
            self.echoes.append((name, timer))
        elif event["event"] == "clear":
            Phone.measured.clears.append((self.number, stamps.now_us()))
            self.plays_until = time.monotonic()
            for name, timer in self.echoes:
                timer.cancel()
                self.send_echo(name)
            self.echoes.clear()

    def echo(self, name: str) -> None:
        if self.echoes:
            self.echoes.pop(0)
        self.send_echo(name)

    def send_echo(self, name: str) -> None:
        if self.is_over:
            return
        Phone.measured.marks += 1
        self.sequence += 1
        event = {"event": "mark", "sequenceNumber": str(self.sequence)}
        self.put(json.dumps({**event, "streamSid": self.stream_sid, "mark": {"name": name}}))

    def hang_up(self) -> None:
        if self.is_over:
            return
        self.is_over = True
        for _, timer in self.echoes:
            timer.cancel()
        event = {"event": "stop", "sequenceNumber": str(self.sequence + 1)}
        stop = {"accountSid": "AC" + "0" * 32, "callSid": f"CA{self.number:032x}"}
        self.put(json.dumps({**event, "streamSid": self.stream_sid, "stop": stop}))
        self.transport.send_close(1000)
        self.transport.disconnect()


class Exchange:
    """All phones of this process."""

    def __init__(self, url: str, calls: int, stagger_s: float, call_s: float) -> None:
        self.url = url
        self.room = asyncio.Semaphore(calls)
        self.stagger_s = stagger_s
        self.call_s = call_s
        self.ring: deque[Phone] = deque()
        self.begun = 0
        self.failed = 0

    async def place(self, total: int) -> None:
        """Place the calls; more than fit at once follow as others end."""
        async with asyncio.TaskGroup() as group:
            for number in range(1, total + 1):
                await self.room.acquire()
                group.create_task(self.one(number))
                await asyncio.sleep(self.stagger_s)

    async def one(self, number: int) -> None:
        self.begun += 1
        try:
            _, phone = await asyncio.wait_for(
                picows.ws_connect(lambda: Phone(number), self.url, max_frame_size=2**24), 10
            )
        except (OSError, picows.WSError, TimeoutError):
            self.failed += 1
            self.room.release()
            return
        # The ring is in order of time: a new phone's first frame is due after all others'.
        phone.due = time.monotonic() + FRAME_S
        phone.ends_at = time.monotonic() + self.call_s
        self.ring.append(phone)

    async def run(self) -> None:
        """Send every phone's frames as they fall due, for ever."""
        ring = self.ring
        while True:
            now = time.monotonic()
            for _ in range(len(ring)):
                if ring[0].due > now:
                    break
                phone = ring.popleft()
                if phone.is_over or now > phone.ends_at:
                    phone.hang_up()
                    self.room.release()
                    continue
                Phone.measured.lateness_us.append(int((now - phone.due) * 1e6))
                phone.speak()
                phone.due += FRAME_S
                ring.append(phone)
                now = time.monotonic()
            wait_s = ring[0].due - now if ring else FRAME_S
            await asyncio.sleep(min(max(wait_s, 0), FRAME_S / 4))


def reset() -> bool:
    Phone.measured = Measured()
    return True


async def talk(arguments: argparse.Namespace) -> None:
    exchange = Exchange(arguments.url, arguments.calls, arguments.stagger_s, arguments.call_s)
    clock = asyncio.create_task(exchange.run())
    placing = asyncio.create_task(exchange.place(arguments.calls_total or arguments.calls))

    def report() -> dict[str, Any]:
        counts = {"live": Phone.live, "lost": Phone.lost, "at_us": stamps.now_us()}
        begun = {"begun": exchange.begun, "failed": exchange.failed, "placed": placing.done()}
        return {**Phone.measured.plain(), **counts, **begun}

    def hang_up() -> bool:
        placing.cancel()
        for phone in exchange.ring:
            phone.hang_up()
        return True

    if not arguments.calls_total:
        await placing
        commands.tell({"live": Phone.live, "failed": exchange.failed})
    else:
        commands.tell({"live": Phone.live, "failed": 0})
    await commands.obey({"reset": reset, "report": report, "hang_up": hang_up})
    clock.cancel()


def read_script(path: Path) -> list[tuple[stamps.Blank, bool, bool]]:
    """Read what callers say: JSON of {speech: [hex of mu-law], quiet_s: number}."""
    content = json.loads(path.read_text())
    quiet = [(QUIET, False, False)] * int(content["quiet_s"] / FRAME_S)
    script = []
    for clip in map(bytes.fromhex, content["speech"]):
        frames = [clip[at : at + 160] for at in range(0, len(clip) - 159, 160)]
        # Where it is loud, as the model hears it where a bridge changes the audio.
        onset = next(n for n, f in enumerate(frames) if stamps.is_loud(f))
        script += [(stamps.Blank(f), True, n == onset) for n, f in enumerate(frames)]
        script += quiet
    return script


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--script", type=Path, required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--calls-total", type=int, default=0)
    parser.add_argument("--call-s", type=float, default=1e9)
    parser.add_argument("--stagger-s", type=float, default=0.02)
    arguments = parser.parse_args()
    Phone.script.extend(read_script(arguments.script))
    uvloop.run(talk(arguments))


if __name__ == "__main__":
    main()
