"""Pipecat: its FastAPI transport with the Twilio serializer, and its OpenAI realtime service."""

from __future__ import annotations

import json
import os
import sys

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)

logger.remove()
logger.add(sys.stderr, level="ERROR")
app = FastAPI()
PROPERTIES = events.SessionProperties(
    output_modalities=["audio"],
    instructions="Be brief.",
    audio=events.AudioConfiguration(
        input=events.AudioInput(
            format=events.PCMAudioFormat(), turn_detection=events.TurnDetection()
        ),
        output=events.AudioOutput(format=events.PCMAudioFormat(), voice="marin"),
    ),
)


@app.websocket("/twilio/media")
async def media(phone: WebSocket) -> None:
    """Carry one call."""
    await phone.accept()
    stream_sid = ""
    while not stream_sid:
        event = json.loads(await phone.receive_text())
        if event["event"] == "start":
            stream_sid = event["start"]["streamSid"]
    off = TwilioFrameSerializer.InputParams(auto_hang_up=False)
    transport = FastAPIWebsocketTransport(
        websocket=phone,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            add_wav_header=False,
            serializer=TwilioFrameSerializer(stream_sid, params=off),
        ),
    )
    model = OpenAIRealtimeLLMService(
        api_key="none",
        base_url=os.environ["MODEL_URL"].partition("?")[0],
        settings=OpenAIRealtimeLLMService.Settings(session_properties=PROPERTIES),
    )
    rates = PipelineParams(audio_in_sample_rate=24_000, audio_out_sample_rate=24_000)
    # Without them, speech_started interrupts nothing.
    turns = LLMContextAggregatorPair(LLMContext())
    parts = [transport.input(), turns.user(), model, transport.output(), turns.assistant()]
    task = PipelineTask(Pipeline(parts), params=rates)

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_: object, __: object) -> None:
        await task.cancel()

    await PipelineRunner(handle_sigint=False).run(task)


if __name__ == "__main__":
    port = int(os.environ["PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, loop="uvloop", log_level="warning")
