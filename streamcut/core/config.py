"""Every setting, declared once: one row each.

The command line's options, the checks, ``config.toml`` and the tables in ``docs/`` all come from
these rows. A value comes from the command line, else from the user's configuration file, else it
is the default.

How to add a setting:

1. Add a row to the section it belongs to, here or in :mod:`streamcut.core.config_live`:
   ``name: type = _setting(default, help, group, ...)``.
   ``type`` is bool, int, float, str or a ``Literal`` of its choices.
2. Say in the row whatever else holds; :class:`~streamcut.core.setting.Setting` explains each:
   ``low``, ``high`` and ``unit`` (checked everywhere), ``metavar``, ``short=("-x",)``,
   ``fixed=True`` if a running live job cannot change it, ``needs=Named("matting", "keyframes")``
   if it does nothing alone, ``formerly="old_name"`` if it was renamed.
3. Commands that take the section have the option now: ``--name`` (and ``--no-name`` for a bool).
   A command that cannot use it leaves it out: ``section_options(..., without=("name",))``.
4. Read it where it is used, as ``settings.section.name``.
5. Run ``python docs/generate.py``: it writes ``config.toml`` and the tables in ``docs/``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from streamcut.core.config_live import LiveSettings as LiveSettings
from streamcut.core.config_live import ServerSettings as ServerSettings
from streamcut.core.errors import Named
from streamcut.core.setting import Sections, Setting
from streamcut.core.setting import declare as _setting

ClothCategory = Literal["attire", "upper", "lower", "full"]
Cutout = Literal["cleared", "putalpha", "naive"]
Matting = Literal["off", "keyframes", "every"]
OnGap = Literal["stop", "hold"]
Quality = Literal["fast", "balanced", "best"]

_WIDEST = 200


@dataclass(frozen=True, slots=True)
class MatteSettings:
    """How the subject is found."""

    model: str = _setting(
        "portrait",
        "Model: a name (streamcut models lists them) or the path of an .onnx file. portrait works "
        "on twice the pixels (as portrait-hd) where nothing is live, unless quality is fast.",
        "Matte",
        short=("-m",),
        metavar="NAME|FILE",
    )
    prompt: str = _setting(
        "",
        "What sam follows, as seen in the first frame: a point X,Y or a box "
        "LEFT,TOP,RIGHT,BOTTOM, in fractions of the frame (0.5,0.4) or in pixels (640,360). "
        "Empty means the centre.",
        "Matte",
        metavar="WHERE",
    )
    cloth_category: ClothCategory = _setting(
        "attire", "Which clothes u2net_cloth_seg finds.", "Matte"
    )
    screen: str = _setting(
        "",
        "The colour that chroma keys out (green, blue, #2fa84f). Empty finds it along the border "
        "of the first frames.",
        "Matte",
        metavar="COLOUR",
    )
    plate: str = _setting(
        "",
        "An image of the empty room, for difference. Empty learns it from the first 15 frames, "
        "which nobody may be in.",
        "Matte",
        metavar="FILE",
    )
    post_process_mask: bool = _setting(
        False,
        "Make the matte hard with a smooth border (like rembg's option of that name).",
        "Matte",
        short=("-ppm",),
    )
    threshold: float = _setting(
        0.0,
        "Make the matte hard at this opacity, 0 to 1; 0 leaves it soft.",
        "Matte",
        high=1,
        metavar="LEVEL",
    )
    expand: int = _setting(
        0,
        "Grow the matte by this many output pixels.",
        "Matte",
        high=_WIDEST,
        unit="pixels",
        metavar="PX",
    )
    contract: int = _setting(
        0,
        "Shrink the matte by this many output pixels.",
        "Matte",
        high=_WIDEST,
        unit="pixels",
        metavar="PX",
    )
    feather: int = _setting(
        0,
        "Soften the matte's border by this many output pixels to either side.",
        "Matte",
        high=_WIDEST,
        unit="pixels",
        metavar="PX",
    )
    matting: Matting = _setting(
        "off",
        "Closed-form matting of the border: off, on keyframes and carried along the motion "
        "between them, or on every frame.",
        "Matte",
    )
    keyframe_interval: int = _setting(
        12,
        "At most this many frames from one keyframe to the next.",
        "Matte",
        low=1,
        metavar="N",
        needs=Named("matting", "keyframes"),
    )
    alpha_matting_foreground_threshold: int = _setting(
        240,
        "Opacity, of 255, above which closed-form matting is sure of the subject.",
        "Matte",
        high=255,
        short=("-af",),
        metavar="LEVEL",
        needs=Named("matting"),
    )
    alpha_matting_background_threshold: int = _setting(
        10,
        "Opacity, of 255, below which closed-form matting is sure of the background.",
        "Matte",
        high=255,
        short=("-ab",),
        metavar="LEVEL",
        needs=Named("matting"),
    )
    alpha_matting_erode_size: int = _setting(
        0,
        "Erode both by a square of this many output pixels. 0 suits it to the matting's own grid.",
        "Matte",
        high=_WIDEST,
        unit="pixels",
        short=("-ae",),
        metavar="PX",
        needs=Named("matting"),
    )
    smooth: float = _setting(
        0.6,
        "Steady the matte over time where the network is unsure and the frame holds still or "
        "moves as a whole: 0 (off) to 1. It adds no delay.",
        "Matte",
        high=1,
        off="--no-smooth",
        metavar="STRENGTH",
    )
    min_area: float = _setting(
        0.05,
        "Remove islands and fill holes of the matte smaller than this percentage of the frame, and "
        "ghosts: parts in which the network is nowhere certain; 0 leaves them.",
        "Matte",
        high=100,
        unit="percent",
        metavar="PERCENT",
    )
    keep: str = _setting(
        "all",
        "Who is kept: all, main (those in front; bystanders are left out whole), or the one seen "
        "at X,Y in the first frame, in fractions of the frame (0.5,0.4) or in pixels (640,360).",
        "Matte",
        metavar="all|main|X,Y",
    )
    invert: bool = _setting(False, "Keep the background and cut the subject out.", "Matte")


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """What the output shows."""

    background: str = _setting(
        "",
        "What to put behind the subject: a colour (red, #00ff00), green (a green screen), an "
        "image, a video (looped), blur or blur:STRENGTH (1 to 100, 20 if not given). "
        "Empty means transparent.",
        "Picture",
        short=("-b",),
        metavar="WHAT",
    )
    cutout: Cutout = _setting(
        "cleared",
        "Colour beside alpha: cleared keeps it where the subject is (straight alpha), and of the "
        "old background a few pixels around it; putalpha keeps all of it, as rembg's option does; "
        "naive multiplies it by the matte (premultiplied).",
        "Picture",
    )
    decontaminate: bool = _setting(
        True, "Remove the old background's colour from the subject's edge.", "Picture"
    )
    light_wrap: float = _setting(
        0.0,
        "Let the new background's light spill over the subject's edge: 0 (off) to 1.",
        "Picture",
        high=1,
        metavar="STRENGTH",
        needs=Named("background"),
    )
    only_mask: bool = _setting(
        False, "Write the matte itself, as greyscale video.", "Picture", short=("-om",)
    )
    stacked: bool = _setting(
        False,
        "Stack colour above matte in one opaque frame, for players without alpha.",
        "Picture",
    )
    size: str = _setting(
        "",
        "Scale to 1280x720, 1280x, x720, 720p or 50%. Empty keeps the input's size.",
        "Picture",
        metavar="SIZE",
        fixed=True,
    )


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """How an image is cropped (streamcut image, streamcut folder)."""

    trim: bool = _setting(False, "Crop images to the subject.", "Picture")
    margin: float = _setting(
        5.0,
        "Leave this percentage of the subject's longer side around it.",
        "Picture",
        high=100,
        unit="percent",
        metavar="PERCENT",
        needs=Named("trim"),
    )


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """How the output is written."""

    codec: str = _setting(
        "",
        "Codec, where the format has a choice (.mov: prores, qtrle, png, h264, hevc).",
        "Output",
        metavar="NAME",
        fixed=True,
    )
    quality: Quality = _setting(
        "balanced",
        "Effort and file size: of the network, the border, the encoder; docs/cli.md has a table.",
        "Output",
        fixed=True,
    )
    audio: bool = _setting(True, "Copy the sound.", "Output", fixed=True)
    fail_if_empty: bool = _setting(
        False,
        "Fail (exit code 1) if nobody and nothing was found in any frame; the output stays.",
        "Output",
        fixed=True,
    )


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the input is read, what it may ask for, and where the job runs."""

    on_gap: OnGap = _setting(
        "stop",
        "If images of a numbered sequence are missing: stop and name the first, or hold the one "
        "before.",
        "Input",
        fixed=True,
    )

    threads: int = _setting(
        0,
        "Threads for decoder, network and encoder, each. 0 suits them to the machine.",
        "Hardware",
        high=256,
        metavar="N",
        fixed=True,
    )
    device: str = _setting(
        "auto",
        "Where the network runs: auto (the best there is), cpu, cuda, tensorrt, coreml, directml, "
        "openvino or rocm; cuda:1 is the second GPU.",
        "Hardware",
        metavar="NAME",
        fixed=True,
    )
    require_gpu: bool = _setting(
        False,
        "Stop with an error, not a warning, if the network would run on the CPU.",
        "Hardware",
        fixed=True,
    )
    half: bool = _setting(
        False,
        "Compute in 16 bits where the device can (tensorrt, openvino, rocm).",
        "Hardware",
        fixed=True,
    )
    cuda_graphs: bool = _setting(
        False,
        "Let a CUDA GPU replay the frames of a video as one recorded graph, if the model can.",
        "Hardware",
        fixed=True,
    )
    allow_large: bool = _setting(
        False,
        "Take video of more than 8K (36 megapixels) and images of more than 64 megapixels, however "
        "much memory that needs.",
        "Input",
        fixed=True,
    )
    allow_playlists: bool = _setting(
        False,
        "Take inputs that open other files or addresses (concat, HLS, DASH, SDP ...) also if "
        "their names do not say so.",
        "Input",
        fixed=True,
    )


@dataclass(frozen=True, slots=True)
class WeightsSettings:
    """Where model files come from."""

    mirror: str = _setting(
        "",
        "Download models from here instead: an http address that the file's name is appended to "
        "(https://example.org/models). Empty means each model's own address.",
        "Input",
        metavar="URL",
    )


@dataclass(frozen=True, slots=True)
class Settings(Sections):
    """All settings of a job, in the sections of the configuration file."""

    one_of: ClassVar = ("background", "only_mask", "stacked")

    matte: MatteSettings = field(default_factory=MatteSettings)
    picture: PictureSettings = field(default_factory=PictureSettings)
    image: ImageSettings = field(default_factory=ImageSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    run: RunSettings = field(default_factory=RunSettings)
    weights: WeightsSettings = field(default_factory=WeightsSettings)
    live: LiveSettings = field(default_factory=LiveSettings)
    server: ServerSettings = field(default_factory=ServerSettings)


def setting(name: str) -> Setting:
    """Return a setting by its name.

    Raises:
        KeyError: if there is none of that name.
    """
    return Settings.rows()[name]
