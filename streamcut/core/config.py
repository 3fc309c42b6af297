"""Every setting: its name, type, default and meaning, written here and nowhere else.

A value comes from the command line, else from the user's TOML file, else from the default.
The command shows these defaults and texts; ``config.toml`` in the project is made from them.
"""

from __future__ import annotations

import difflib
import os
import reprlib
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import platformdirs

from streamcut.core.errors import ConfigError

ClothCategory = Literal["attire", "upper", "lower", "full"]
Cutout = Literal["putalpha", "naive"]
Matting = Literal["off", "keyframes", "every"]
Quality = Literal["fast", "balanced", "best"]

_LONGEST_FILE = 1 << 20
_shortened = reprlib.Repr()
_shortened.maxstring = _shortened.maxother = _shortened.maxlong = 40
_LARGEST = 2**31 - 1  # What libraries in C take for a number.
_ONE_CHOICE = ("background", "only_mask", "stacked")


def _setting(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class MatteSettings:
    """How the subject is found."""

    model: str = _setting("portrait", "Model: a name, or the path of an .onnx file.")
    prompt: str = _setting(
        "",
        "What sam follows, as it is in the first picture: a point X,Y or a box "
        "LEFT,TOP,RIGHT,BOTTOM, in fractions of the picture (0.5,0.4) or in pixels (640,360). "
        "Nothing means the centre.",
    )
    cloth_category: ClothCategory = _setting("attire", "Which clothes u2net_cloth_seg finds.")
    screen: str = _setting(
        "",
        "The colour that chroma keys (green, blue, #2fa84f). Nothing finds it along the border "
        "of the first pictures.",
    )
    plate: str = _setting(
        "",
        "A picture of the empty room, for difference. Nothing learns it from the first 15 "
        "pictures, in which nobody may be seen.",
    )
    post_process_mask: bool = _setting(
        False, "Make the matte hard, its border smooth (as rembg's option of that name)."
    )
    threshold: float = _setting(
        0.0, "Make the matte hard at this opacity, 0 to 1; 0 leaves it soft."
    )
    expand: int = _setting(0, "Widen the matte by so many pixels of the output.")
    contract: int = _setting(0, "Narrow the matte by so many pixels of the output.")
    feather: int = _setting(
        0, "Soften the matte's border by so many pixels of the output, to either side."
    )
    matting: Matting = _setting(
        "off",
        "Closed-form matting of the border: off, on keyframes and carried along the motion "
        "between them, or on every frame.",
    )
    keyframe_interval: int = _setting(12, "Frames from one keyframe to the next at most.")
    alpha_matting_foreground_threshold: int = _setting(
        240, "Opacity, of 255, above which closed-form matting takes a pixel for sure subject."
    )
    alpha_matting_background_threshold: int = _setting(
        10, "Opacity, of 255, below which closed-form matting takes a pixel for background."
    )
    alpha_matting_erode_size: int = _setting(
        0,
        "By how many pixels of the output both are eroded (the side of a square). 0 suits it to "
        "the matting's own grid.",
    )
    smooth: float = _setting(
        0.6,
        "Steady the matte in time where the network is unsure and the picture holds still, "
        "or moves as a whole: 0 (off) to 1. It adds no lag.",
    )
    min_area: float = _setting(
        0.05,
        "Remove islands and fill holes of the matte smaller than this share of the picture, in "
        "percent; 0 leaves them.",
    )
    invert: bool = _setting(False, "Keep the background and cut the subject out.")


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """What the output shows."""

    background: str = _setting(
        "",
        "What to put behind the subject: a colour (red, #00ff00), green (a green screen), a "
        "picture, a video (looped), blur or blur:STRENGTH (1 to 100, 20 if not given). "
        "Nothing means transparent.",
    )
    cutout: Cutout = _setting(
        "putalpha",
        "Colour beside alpha: putalpha keeps it as decoded (straight alpha), naive multiplies it "
        "by the matte (premultiplied; nothing of the background stays in the file).",
    )
    decontaminate: bool = _setting(
        True, "Take the old background's colour out of the subject's border."
    )
    light_wrap: float = _setting(
        0.0, "Let the light of the new background spill over the subject's edge: 0 (off) to 1."
    )
    only_mask: bool = _setting(False, "Write the matte itself, as a grey picture.")
    stacked: bool = _setting(
        False, "Colour above matte in one opaque picture, for players without alpha."
    )
    size: str = _setting(
        "", "Scale to 1280x720, 1280x, x720, 720p or 50%. Nothing keeps the input's size."
    )


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """How the output is written."""

    codec: str = _setting(
        "", "Codec, where the format has a choice (.mov: prores, qtrle, png, h264, hevc)."
    )
    quality: Quality = _setting("balanced", "Encoder effort and size; see the README's table.")
    audio: bool = _setting(True, "Carry the sound over.")


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the job runs."""

    threads: int = _setting(
        0, "Threads of decoder, network and encoder, each. 0 suits them to the machine."
    )
    device: str = _setting(
        "auto",
        "Where the network runs: auto (the best there is), cpu, cuda, tensorrt, coreml, directml, "
        "openvino or rocm; cuda:1 is the second GPU.",
    )
    require_gpu: bool = _setting(
        False, "Stop with an error, not a warning, where the network would run on the CPU."
    )
    half: bool = _setting(
        False, "Compute in 16 bits where the device can (tensorrt, openvino, rocm)."
    )
    cuda_graphs: bool = _setting(
        False, "Let a CUDA GPU repeat a video's frames as one recorded graph, where the model can."
    )


@dataclass(frozen=True, slots=True)
class WeightsSettings:
    """Where the files of models come from."""

    mirror: str = _setting(
        "",
        "Mirror: an http address to whose end the file's name is put (https://example.org/models). "
        "Nothing takes each model's own address.",
    )


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How live pictures come and go (streamcut webcam)."""

    camera: str = _setting(
        "",
        "Where pictures come from: a camera's index, name or path (streamcut devices lists "
        "them), screen, an address (rtsp, http, udp ...), or a file, played in real time. "
        "Nothing means the first camera.",
    )
    to: str = _setting(
        "camera",
        "Where they go: camera (a virtual camera), obs, an address, a file, or - for standard "
        "output.",
    )
    fps: int = _setting(
        30, "Pictures a second at most, and what a camera is asked for. 0 takes what comes."
    )
    mirrored: bool = _setting(
        False,
        "Exchange left and right. Calls show you yourself mirrored anyway, and the others not.",
    )
    loop: bool = _setting(False, "Begin a file again at its end.")
    obs_websocket: str = _setting(
        "localhost:4455", "Where OBS's websocket server listens, for --setup: HOST:PORT."
    )
    always: bool = _setting(False, "Work also while nobody watches the output.")
    unchanged: int = _setting(
        40,
        "Keep the last matte while the picture differs from the one it was made for by less than "
        "noise: while the PSNR of its most changed part is at least this, in dB. 0 never keeps it.",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a job, in the sections of the configuration file."""

    matte: MatteSettings = field(default_factory=MatteSettings)
    picture: PictureSettings = field(default_factory=PictureSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    run: RunSettings = field(default_factory=RunSettings)
    weights: WeightsSettings = field(default_factory=WeightsSettings)
    live: LiveSettings = field(default_factory=LiveSettings)

    def with_options(self, options: Mapping[str, Any]) -> Settings:
        """Return these settings with some replaced, by their names without the section.

        What the output shows is one choice: one of its settings given undoes the others here.

        Raises:
            ConfigError: if a name is unknown or a value has the wrong type.
        """
        rest = dict(options)
        if any(options.get(name) for name in _ONE_CHOICE):
            rest = {name: setting(name).default for name in _ONE_CHOICE} | rest
        sections = {}
        for section in fields(self):
            mine = getattr(self, section.name)
            known = {f.name for f in fields(mine)} & rest.keys()
            values = {name: rest.pop(name) for name in known}
            sections[section.name] = _replaced(mine, values, "")
        if rest:
            raise ConfigError(_unknown("setting", next(iter(rest)), _homes()))
        return Settings(**sections)


def load(path: Path | None = None) -> Settings:
    """Return the settings of a configuration file, or the defaults where there is none.

    Args:
        path: the file; None looks for ``config.toml`` in the user's configuration directory.

    Raises:
        ConfigError: if the file is absent though named, is no TOML, has an unknown key or a
            value of the wrong type.
    """
    if path is None:
        path = user_file()
        if not os.path.isfile(path):  # Also where the home may not be entered.
            return Settings()
    return _from_table(_read(path), path)


def user_file() -> Path:
    """Return where a user's configuration file is looked for."""
    return Path(platformdirs.user_config_dir("streamcut", appauthor=False)) / "config.toml"


def setting(name: str) -> Field[Any]:
    """Return the field of a setting by its name: type, default and help text."""
    for section in fields(Settings):
        for candidate in fields(_section_type(section)):
            if candidate.name == name:
                return candidate
    raise KeyError(name)


def example() -> str:
    """Return a configuration file with every setting at its default, each explained."""
    lines = [
        "# Every setting of streamcut with its default.",
        "# Copy it to your configuration directory (streamcut video --help names it) and",
        "# change what you like; the command line overrides it.",
    ]
    for section in fields(Settings):
        lines += ["", f"# {_section_type(section).__doc__}", f"[{section.name}]"]
        for entry in fields(_section_type(section)):
            lines += [*_comment(entry), f"{entry.name} = {_toml(entry.default)}"]
    return "\n".join(lines) + "\n"


def _comment(entry: Field[Any]) -> list[str]:
    words, lines = entry.metadata["help"].split(), ["#"]
    for word in words:
        if len(lines[-1]) + len(word) > 98:
            lines.append("#")
        lines[-1] += f" {word}"
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST_FILE)
            if file.read(1):
                raise ValueError("too long for a configuration file")
        return tomllib.loads(text.decode())
    except FileNotFoundError as error:
        raise ConfigError(f"no such configuration file: {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply") from error
    except ValueError as error:  # Numbers of thousands of digits are no TOMLDecodeError.
        raise ConfigError(f"{path} is no TOML: {error}") from error


def _from_table(table: dict[str, Any], path: Path) -> Settings:
    known = [section.name for section in fields(Settings)]
    settings = Settings()
    for name, values in table.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: {_homeless(name, known)}")
        if name not in known:
            raise ConfigError(
                f"{path}: unknown section [{name[:80]}]; the nearest is [{_near(name, known)}]"
            )
        section = _replaced(getattr(settings, name), values, f"{path}: [{name}] ")
        settings = replace(settings, **{name: section})
    return settings


def _replaced(section: Any, values: Mapping[str, Any], where: str) -> Any:
    """Return a section with some values replaced, each checked against its type."""
    hints = get_type_hints(type(section))
    for name, value in values.items():
        if name not in hints:
            raise ConfigError(f"{where}{_unknown('key', name, hints)}")
        _check(where + name, value, hints[name])
    return replace(section, **values)


def _check(name: str, value: Any, hint: Any) -> None:
    choices = get_args(hint)
    if choices:
        if value not in choices:
            raise ConfigError(f"{name} is one of {', '.join(choices)}, not {_short(value)}")
    elif type(value) is not hint and (hint, type(value)) != (float, int):
        words = {
            bool: "true or false",
            int: "a whole number",
            float: "a number",
            str: "a text in quotes",
        }
        raise ConfigError(f"{name} is {words[hint]}, not {_short(value)}")
    elif hint in (int, float) and not 0 <= value <= _LARGEST:
        raise ConfigError(f"{name} is 0 or more, {_LARGEST} at most, not {_short(value)}")


def _short(value: Any) -> str:
    """Return a value as it may stand in a line: some are endless, or too long to be spelt."""
    try:
        return _shortened.repr(value)
    except ValueError:  # An int of more than 4300 digits.
        return "so large a number"


def _unknown(kind: str, name: str, known: Collection[str]) -> str:
    """Return that a name is unknown, and the nearest one with its section where that differs."""
    near = _near(name, _homes())
    section = "" if near in known else f" in [{_homes()[near]}]"
    return f"unknown {kind} {_short(name)}; the nearest is {near!r}{section}"


def _homeless(name: str, sections: Collection[str]) -> str:
    if name in sections:
        return f"{name} is a section: write [{name}] and its keys below"
    return f"{_unknown('key', name, ())}, and no key stands outside a section"


def _near(name: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(name[:80], list(known), 1, cutoff=0.0)[0]


def _section_type(section: Field[Any]) -> Any:
    return get_type_hints(Settings)[section.name]


def _homes() -> dict[str, str]:
    """Return the section of every setting."""
    return {
        entry.name: section.name
        for section in fields(Settings)
        for entry in fields(_section_type(section))
    }
