"""The server beside a live job: the page, its viewers, its camera and its sliders."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from aiortc import MediaStreamTrack
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from streamcut.core.config import Settings
from streamcut.core.errors import StreamcutError
from streamcut.core.pipeline import Channel, Pipeline
from streamcut.media.frame import OutputFrame, StreamInfo
from streamcut.server.errors import public_text, status_of
from streamcut.server.guard import Guard
from streamcut.server.live.camera import BrowserFeed
from streamcut.server.live.controls import PageControls
from streamcut.server.live.encoding import StackedEncoder
from streamcut.server.live.viewers import Packet, Viewers
from streamcut.server.page import PAGE, files
from streamcut.server.run import address_of, listening, uvicorn_server, with_token
from streamcut.server.sessions import Sessions
from streamcut.sinks.base import LiveBase
from streamcut.sources import LiveSource

_log = logging.getLogger(__name__)
_BEGINNING = 10.0  # Seconds.
_MOST = 1_000_000  # Bytes of a request: descriptions of connections are a few thousand.


class Offer(BaseModel):
    """A browser's description of a connection."""

    model_config = ConfigDict(extra="forbid")

    sdp: str = Field(max_length=200_000)


class LiveHub:
    """Serves the live page while a job runs; leaving its ``with`` block ends it.

    Args:
        settings: the job's; those of the section ``[server]`` say where it listens.
        path: of the configuration file that the job follows.
        read: reads it, with what overrides it.

    Raises:
        SinkError: if it cannot listen there.
    """

    def __init__(self, settings: Settings, path: Path, read: Callable[[], Settings]) -> None:
        settings = with_token(settings)
        self._settings = settings
        self._sessions = Sessions(settings)
        self._listener = listening(settings.server)
        self.address = address_of(self._listener, settings.server.token).replace("/?", "/live?")
        if "/live" not in self.address:
            self.address += "live"
        self.controls = PageControls(settings, path, read)
        self.feed = BrowserFeed(self.address)
        self.viewers = Viewers(self._took)
        self._server = uvicorn_server(self._app(), lambda: None)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._pipeline = Pipeline()
        self._serving: Channel[None] | None = None

    def __enter__(self) -> Self:
        self._serving = self._pipeline.spawn("web", self._served())
        self._serving.wait(_BEGINNING)  # It answers.
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            list(self._serving)  # Until it has ended.
        with self._pipeline:
            self._listener.close()

    def source(self) -> LiveSource:
        """Return the browser's camera as a source; waits for its first frame."""
        return LiveSource(self.feed, fps=self._settings.live.fps)

    def sink(self, info: StreamInfo, pixel_format: str, size: tuple[int, int]) -> WebSink:
        """Return what shows composited frames to all viewers."""
        return WebSink(self, replace(info, width=size[0], height=size[1]))

    def post(self, codec: str, packet: Packet) -> None:
        """Hand a packet to all viewers of a codec; may be called by another thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.viewers.show, codec, packet)

    def _served(self) -> Iterator[None]:
        """Answer until told to end: a stage that yields once, when it has begun."""
        self._loop = asyncio.new_event_loop()
        try:
            serving = self._loop.create_task(self._server.serve(sockets=[self._listener]))
            self._loop.run_until_complete(self._started(serving))
            yield
            self._loop.run_until_complete(serving)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _started(self, serving: asyncio.Task[None]) -> None:
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.01)

    def _took(self, track: MediaStreamTrack) -> None:
        if track.kind == "video" and self._settings.live.camera == "browser":
            self._keep(self.feed.take(track))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _app(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            try:
                yield
            finally:
                await self.viewers.close()
                for task in self._tasks:
                    task.cancel()

        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

        @app.get("/")
        @app.get("/live")
        async def page() -> FileResponse:
            return FileResponse(PAGE / "live.html")

        @app.post("/live/offer")
        async def offer(wanted: Offer) -> dict[str, str]:
            try:
                return {"sdp": await self.viewers.answer(wanted.sdp)}
            except HTTPException:
                raise
            except Exception as error:  # aiortc's parser raises whatever it likes.
                _log.debug("an offer failed", exc_info=True)
                raise HTTPException(400, "the offer makes no sense") from error

        @app.get("/live/settings")
        async def known() -> dict[str, Any]:
            rows = [
                {"name": row.name, "type": row.kind.__name__, "low": row.low, "high": row.high}
                | {"help": row.help, "default": self.controls.now[row.name]}
                for row in self.controls.rows
            ]
            camera = self._settings.live.camera == "browser"
            return {"settings": rows, "models": self._sessions.names, "camera": camera}

        @app.post("/live/settings")
        async def change(given: dict[str, Any]) -> dict[str, Any]:
            try:
                self.controls.change(given, self._sessions)
            except StreamcutError as error:
                raise HTTPException(status_of(error), public_text(error)) from error
            return self.controls.now

        app.mount("/page", files)
        server = self._settings.server
        app.add_middleware(
            Guard,
            host=server.host,
            token=server.token,
            origin=server.allow_origin,
            most=_MOST,
        )
        return app


class WebSink(LiveBase):
    """Shows composited frames in browsers. What is encoded is encoded once, for all of them.

    Args:
        hub: whose viewers they are.
        info: of the frames.
    """

    def __init__(self, hub: LiveHub, info: StreamInfo) -> None:
        super().__init__()
        self._hub, self._info = hub, info
        self._encoders: dict[str, StackedEncoder] = {}

    @property
    def watched(self) -> bool:
        """Whether anybody watches."""
        return len(self._hub.viewers) > 0

    @property
    def state(self) -> str:
        """How many watch, and where."""
        count = len(self._hub.viewers)
        return f"{count} watching at {self._hub.address}" if count else f"open {self._hub.address}"

    def write(self, frame: OutputFrame) -> None:
        """Show one frame; it never waits for a viewer."""
        self.written += 1
        for codec in self._hub.viewers.codecs:
            encoder = self._encoders.get(codec) or self._encoder(codec)
            if codec in self._hub.viewers.wanted:
                self._hub.viewers.wanted.discard(codec)
                encoder.keyframe_wanted = True
            for packet in encoder.encode(frame.output):
                self._hub.post(codec, packet)

    def close(self) -> None:
        """End; the page stays until its hub ends."""
        self._encoders.clear()

    def _encoder(self, codec: str) -> StackedEncoder:
        size, rate = (self._info.width, self._info.height), self._info.rate or Fraction(30)
        self._encoders[codec] = StackedEncoder(codec, size, rate)
        return self._encoders[codec]
