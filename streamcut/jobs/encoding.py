"""How one output is encoded: with which codec, its alpha as a plane or beside the colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from streamcut.compositing.looks import ALPHA_LOOKS, Look, made_by
from streamcut.core.config import Settings
from streamcut.core.errors import Named, UsageError
from streamcut.core.pipeline import Channel, Pipeline
from streamcut.jobs.request import look_of
from streamcut.jobs.stages import waiting
from streamcut.media.frame import CompositedFrame, OutputFrame, StreamInfo
from streamcut.media.pixel_formats import depth
from streamcut.sinks import Codec, Output, Sink, encode_alpha, open_sink


@dataclass(frozen=True, slots=True)
class Encoding:
    """What is made of composited frames for one output.

    Attributes:
        output: where they go.
        look: what they show.
        codec_name: as it was asked for; empty takes the format's usual one.
        quality: of the encoder.
        threads: of the encoder; 0 lets it choose.
        audio: whether the sound is carried over.
    """

    output: Output
    look: Look
    codec_name: str = ""
    quality: str = "balanced"
    threads: int = 0
    audio: bool = True

    @classmethod
    def of(cls, output: Output, settings: Settings) -> Encoding:
        """Return how settings want an output encoded.

        Raises:
            UsageError: if they contradict each other, there is no such codec, or it holds no
                alpha and should.
        """
        how, threads = settings.output, settings.run.threads
        made = cls(output, look_of(settings), how.codec, how.quality, threads, how.audio)
        made._check_alpha(output.form.codec(how.codec))
        return made

    def codec(self, info: StreamInfo) -> Codec:
        """Return the codec asked for, else the format's usual one that holds the input's depth."""
        name, form = self.codec_name, self.output.form
        if not name and form.ending == ".mp4" and depth(info.pixel_format) > 8:
            name = "hevc"
        return form.codec(name)

    def alpha_apart(self, info: StreamInfo) -> bool:
        """Whether alpha is encoded beside the colour."""
        return self.look in ALPHA_LOOKS and self.codec(info).alpha_apart

    def spawn_alpha(
        self, pipeline: Pipeline, frames: Channel[CompositedFrame], info: StreamInfo
    ) -> Channel[OutputFrame]:
        """Return the frames as the sink wants them: with alpha encoded, where it is apart."""
        if not self.alpha_apart(info):
            return cast(Channel[OutputFrame], frames)  # From here on it is only read.
        made = encode_alpha(frames, self.codec(info), info, self.quality, self.threads)
        return pipeline.spawn("alpha", made, after=frames, capacity=waiting(info, composited=True))

    def open(self, info: StreamInfo) -> Sink:
        """Open the output for frames of a stream.

        Raises:
            SinkError: if it cannot be opened.
        """
        apart = self.alpha_apart(info)
        pixel_format, size = made_by(self.look, info)
        return open_sink(
            self.output,
            info,
            size=size,
            pixel_format=info.pixel_format if apart else pixel_format,
            codec=self.codec(info),
            quality=self.quality,
            threads=self.threads,
            audio=self.audio,
            alpha_apart=apart,
        )

    def _check_alpha(self, codec: Codec) -> None:
        if codec.alpha or self.look not in ALPHA_LOOKS:
            return
        form = self.output.form
        able = " or ".join(other.name for other in form.codecs if other.alpha)
        instead = ["give ", Named("codec", able)] if able else [form.for_alpha]
        raise UsageError(
            f"{codec.name if able else form.ending} cannot hold alpha: ",
            *instead,
            ", or give ",
            Named("background"),
            ", ",
            Named("only_mask"),
            " or ",
            Named("stacked"),
        )
