"""What each file ending is written with: one row a format, one row a codec."""

from __future__ import annotations

import os.path
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from streamcut.core.errors import Named, SinkError, UsageError
from streamcut.media.colour import Matrix
from streamcut.media.names import is_address
from streamcut.media.urls import public

Options = Mapping[str, str]
_NUMBERED_NAME = re.compile(r"([^%]*)%(?:0\d+)?d([^%]*\.png)", re.IGNORECASE)
_NUMBERED = "%06d.png"
_SMALL, _SMALL_SIZE = 64, (352, 288)
_MOST_SIDE = (1 << 16) - 1  # What 16 bits hold: MP4, MOV and GIF keep sides in them.
QUALITIES = ("fast", "balanced", "best")


@dataclass(frozen=True, slots=True)
class Codec:
    """How frames are encoded.

    Attributes:
        name: what the setting ``codec`` takes.
        encoder: FFmpeg's name for it.
        opaque: pixel formats without alpha that it is given.
        alpha: pixel formats with alpha that it is given; none if it holds none.
        options: encoder options common to every quality.
        quality: encoder options of each quality in :data:`QUALITIES`.
        small: encoder options for frames with a side under 64 pixels, of 352x288 at most.
        tag: the four-character code that players look for, where FFmpeg's own differs.
        even: whether both sides must be even.
        sides: how many pixels each side has at least and at most.
        unit: the coarsest time unit it writes, where that is coarser than the input's; seconds.
        least: how many of these units a frame is shown at least: browsers take a shorter time
            for a tenth of a second.
        timeless: whether frames have no times of their own, only a rate for all of them.
        alpha_apart: whether alpha is a second frame, encoded beside the colour.
        limited: whether its range is limited by definition.
        matrix: the colour matrix that it has by definition, as H.273 numbers it.
    """

    name: str
    encoder: str
    opaque: Sequence[str]
    alpha: Sequence[str] = ()
    options: Options = field(default_factory=dict)
    quality: Mapping[str, Options] = field(default_factory=dict)
    small: Options = field(default_factory=dict)
    tag: str | None = None
    even: bool = False
    sides: tuple[int, int] = (1, 1 << 30)
    unit: Fraction | None = None
    least: int = 1
    timeless: bool = False
    alpha_apart: bool = False
    limited: bool = False
    matrix: int | None = None

    def options_for(self, quality: str, size: tuple[int, int]) -> dict[str, str]:
        """Return the encoder options of a quality, for frames of (width, height)."""
        width, height = size
        is_small = min(size) < _SMALL and width <= _SMALL_SIZE[0] and height <= _SMALL_SIZE[1]
        small = self.small if is_small else {}
        return {**self.options, **self.quality.get(quality, {}), **small}

    def held(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the (width, height) that frames of a size are cropped to.

        Raises:
            SinkError: if it holds no frames of that size.
        """
        width, height = (side & ~1 for side in size) if self.even else size
        least, most = self.sides
        shown = f"{self.name} holds no frame of {size[0]}x{size[1]}"
        if min(width, height) < least:
            raise SinkError(f"{shown}: its sides have {least} pixels at least; try FFV1 (.mkv)")
        if max(width, height) > most:
            smaller = (Named("size"), " makes it smaller, FFV1 (.mkv) holds it")
            raise SinkError(f"{shown}: its sides have {most} pixels at most; ", *smaller)
        return width, height


@dataclass(frozen=True, slots=True)
class Format:
    """What a file ending means.

    Attributes:
        ending: with its dot.
        muxer: FFmpeg's name for the container.
        codecs: those it may hold; the first one is used unless another is asked for.
        audio: sound codecs that are copied as they are; None means any.
        audio_encoder: what other sound is transcoded to; None means it holds no sound.
        chapters: whether it holds chapters.
        edit_lists: whether what begins before zero can be hidden by an edit list.
        options: muxer options.
        sequence: whether it is many files, one for each frame.
        for_alpha: what to do instead, where it cannot hold alpha.
    """

    ending: str
    muxer: str
    codecs: Sequence[Codec]
    audio: frozenset[str] | None = frozenset()
    audio_encoder: str | None = None
    chapters: bool = False
    edit_lists: bool = False
    options: Options = field(default_factory=dict)
    sequence: bool = False
    for_alpha: str = "write a .webm or .mov"

    def codec(self, name: str) -> Codec:
        """Return the codec called ``name``, or the usual one for an empty name.

        Raises:
            UsageError: if the format holds no such codec.
        """
        for codec in self.codecs:
            if name in ("", codec.name):
                return codec
        names = ", ".join(codec.name for codec in self.codecs)
        raise UsageError(f"{self.ending} holds no {name!r}; it holds {names}")


# Alternate reference frames and lookahead do not work with alpha, and each frame that an encoder
# holds back costs memory: none of the qualities uses them.
_VP9 = Codec(
    "vp9",
    "libvpx-vp9",
    opaque=("yuv420p",),
    alpha=("yuva420p",),
    options={
        "row-mt": "1",
        "tile-columns": "2",
        "lag-in-frames": "0",
        "auto-alt-ref": "0",
        "b": "0",
        # Keyframes at fixed places, so that those of colour and alpha fall together.
        "g": "240",
        "keyint_min": "240",
    },
    quality={
        "fast": {"deadline": "realtime", "cpu-used": "8", "crf": "32"},
        "balanced": {"deadline": "realtime", "cpu-used": "5", "crf": "28"},
        "best": {"deadline": "good", "cpu-used": "3", "crf": "20"},
    },
    alpha_apart=True,
    sides=(1, 1 << 16),
)
_PRORES = Codec(
    "prores",
    "prores_ks",
    opaque=("yuv444p10le",),
    alpha=("yuva444p10le",),
    options={"profile": "4444", "vendor": "apl0", "alpha_bits": "16", "flags": "+qscale"},
    # Quantisers 12, 8 and 4 in FFmpeg's unit of 1/118.
    quality={
        "fast": {"global_quality": "1416"},
        "balanced": {"global_quality": "944"},
        "best": {"global_quality": "472"},
    },
    limited=True,
    sides=(1, _MOST_SIDE),
)
_QTRLE = Codec("qtrle", "qtrle", opaque=("rgb24",), alpha=("argb",), sides=(1, _MOST_SIDE))
_PNG_OPAQUE, _PNG_ALPHA = ("rgb24", "rgb48be", "gray", "gray16be"), ("rgba", "rgba64be")
_PNG = Codec(
    "png",
    "png",
    opaque=_PNG_OPAQUE,
    alpha=_PNG_ALPHA,
    options={"pred": "mixed"},
    quality={
        "fast": {"compression_level": "1", "pred": "up"},
        "balanced": {"compression_level": "4"},
        "best": {"compression_level": "9"},
    },
)
# FFmpeg 5.1 decodes no 12-bit YUV with alpha: 16 bits hold it, and the four that are always zero
# cost next to nothing.
_FFV1 = Codec(
    "ffv1",
    "ffv1",
    opaque=(
        *("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"),
        *("yuv422p12le", "yuv444p12le", "gbrp10le", "gbrp12le", "gbrp16le", "gray", "gray10le"),
        *("gray12le", "gray16le", "bgr0"),
    ),
    alpha=(
        *("yuva420p", "yuva422p", "yuva444p", "yuva420p10le", "yuva422p10le", "yuva444p10le"),
        *("yuva422p16le", "yuva444p16le", "gbrap10le", "gbrap12le", "gbrap16le", "bgra"),
    ),
    options={"level": "3", "g": "1", "slicecrc": "1"},
    # By itself it takes four slices or more, which the smallest frames have too few lines for;
    # for larger ones than these it refuses a single slice.
    small={"slices": "1"},
)
# The presets look ahead by up to 50 frames: 500 MB at 1080p, where 8 do nearly as well with 150.
_LOOKAHEAD = "8"
_H264 = Codec(
    "h264",
    "libx264",
    opaque=("yuv420p",),
    options={"rc-lookahead": _LOOKAHEAD},
    quality={
        "fast": {"preset": "veryfast", "crf": "23"},
        "balanced": {"preset": "faster", "crf": "20"},
        "best": {"preset": "slow", "crf": "17"},
    },
    even=True,
    sides=(2, 16384),
)
# With B-frames, x265 up to 4.1 at least gives the packets of one or two frames decoding times
# from memory that nobody set: the muxer then fails, or crashes the whole process.
_HEVC = Codec(
    "hevc",
    "libx265",
    opaque=("yuv420p", "yuv420p10le"),
    options={"x265-params": f"log-level=none:bframes=0:rc-lookahead={_LOOKAHEAD}:frame-threads=1"},
    quality={
        "fast": {"preset": "ultrafast", "crf": "24"},
        "balanced": {"preset": "fast", "crf": "22"},
        "best": {"preset": "slow", "crf": "18"},
    },
    tag="hvc1",
    even=True,
    sides=(16, _MOST_SIDE),
)
_GIF = Codec(
    "gif",
    "gif",
    opaque=("rgb24",),
    alpha=("rgba",),
    unit=Fraction(1, 100),
    least=2,
    sides=(1, _MOST_SIDE),
)
_WEBP = Codec(
    "webp",
    "libwebp_anim",
    opaque=("yuv420p",),
    alpha=("yuva420p",),
    options={"loop": "0"},
    quality={
        "fast": {"compression_level": "1", "quality": "75"},
        "balanced": {"compression_level": "3", "quality": "82"},
        "best": {"compression_level": "6", "quality": "92"},
    },
    unit=Fraction(1, 1000),
    least=11,
    limited=True,
    sides=(1, 16383),
    matrix=Matrix.BT601,
)
_APNG = Codec(
    "apng",
    "apng",
    opaque=_PNG_OPAQUE,
    alpha=_PNG_ALPHA,
    options={"pred": "mixed"},
    quality=_PNG.quality,
    unit=Fraction(1, 1000),
    least=11,
)

_PCM = frozenset(f"pcm_{kind}" for kind in ("s16le", "s24le", "s32le", "f32le", "s16be", "s24be"))
_MP4_AUDIO = frozenset({"aac", "alac", "ac3", "eac3", "mp3", "opus"})
# Parts of a second that are on the disk at once, so that a crashed job or a full disk leaves a
# file that plays. Otherwise small frames would wait in FFmpeg's buffer for a quarter of a minute.
# Those of MP4 and MOV become an ordinary index once the file is finished. The first index waits
# for the first fragment, since only then is known what edit list keeps late starts and reordered
# frames at their times.
_AT_ONCE = {"flush_packets": "1"}
_MOV = {**_AT_ONCE, "movflags": "+hybrid_fragmented+delay_moov", "frag_duration": "1000000"}
_MATROSKA = {**_AT_ONCE, "cluster_time_limit": "1000"}

FORMATS: tuple[Format, ...] = (
    Format(
        ".webm",
        "webm",
        (_VP9,),
        audio=frozenset({"opus", "vorbis"}),
        audio_encoder="libopus",
        chapters=True,
        options=_MATROSKA,
    ),
    Format(
        ".mov",
        "mov",
        (_PRORES, _QTRLE, replace(_PNG, sides=(1, _MOST_SIDE)), _H264, _HEVC),
        audio=_PCM | {"aac", "alac", "ac3", "eac3", "mp3"},
        audio_encoder="aac",
        chapters=True,
        edit_lists=True,
        options=_MOV,
    ),
    Format(
        ".mkv",
        "matroska",
        (_FFV1, _VP9, _H264, _HEVC),
        audio=None,
        audio_encoder="libopus",
        chapters=True,
        options=_MATROSKA,
    ),
    Format(
        ".mp4",
        "mp4",
        (_H264, _HEVC),
        audio=_MP4_AUDIO,
        audio_encoder="aac",
        chapters=True,
        edit_lists=True,
        options=_MOV,
    ),
    Format(".gif", "gif", (_GIF,), options={"loop": "0"}),
    Format(".webp", "webp", (_WEBP,), options={"loop": "0"}),
    Format(".apng", "apng", (_APNG,), options={"plays": "0"}),
    Format(".png", "image2", (_PNG,), sequence=True),
)
"""Every format that can be written; the first ones with alpha are proposed in messages."""


def format_of(path: str) -> Format:
    """Return the format that a path's ending asks for; a folder asks for PNG images.

    Raises:
        UsageError: if the ending is missing or unknown, one image is asked for many, or it is
            an address.
    """
    ending = Path(path).suffix.lower()
    if is_address(path):
        raise UsageError(
            f"{public(path)} is not a file; to send there: "
            "streamcut webcam --camera FILE --to ADDRESS"
        )
    if path == "-":
        raise UsageError("streamcut pipe writes to standard output; name a file or a folder here")
    if is_folder(path):
        return next(row for row in FORMATS if row.sequence)
    if not path:
        raise UsageError("the output has no name")
    if not ending and _is_special(path):
        return FORMATS[0]
    if not ending:
        raise UsageError(f"{path} has no ending: write {path}.webm, or {path}/ for PNG images")
    for row in FORMATS:
        if row.ending == ending:
            if row.sequence and pattern_of(path) is None:
                raise UsageError(
                    f"{path} is one image; name a folder (out/) or a pattern (out_%04d.png)"
                )
            return row
    known = " ".join(row.ending for row in FORMATS)
    raise UsageError(f"{path}: unknown ending {ending!r}; known: {known} and folders")


def is_folder(path: str) -> bool:
    """Whether a path asks for a folder of images: it ends in a slash, or is one."""
    ending = Path(path).suffix.lower()
    known = any(row.ending == ending for row in FORMATS)
    return path.endswith(("/", "\\")) or (os.path.isdir(path) and not known)


def _is_special(path: str) -> bool:
    """Whether a path is there and is neither a file nor a folder: /dev/null, a FIFO."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def numbered(path: str, form: Format) -> str:
    """Return the pattern of names in a folder that frames go to; any other path as it is."""
    return str(Path(path) / _NUMBERED) if form.sequence and is_folder(path) else path


def pattern_of(path: str) -> re.Pattern[str] | None:
    """Return what the names of a PNG sequence's files look like, or None for a single file.

    Whatever number they have is theirs, and so is every PNG in a folder: rather too many files
    than too few are taken for what an output would replace.
    """
    if is_folder(path):
        return re.compile(r".+\.png")
    match = _NUMBERED_NAME.fullmatch(Path(path).name)
    if match is None:
        return None
    return re.compile(re.escape(match[1]) + r"\d+" + re.escape(match[2]))
