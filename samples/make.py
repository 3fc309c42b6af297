"""Make the sample media of this folder from public-domain images and a synthetic voice.

    pip install streamcut scikit-image      # scikit-image carries the photographs
    apt install espeak-ng                   # speaks the words of the clip
    python samples/make.py

Everything is computed: no file is downloaded, and all chance is seeded. README.md names the
sources and their licences.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import cos, pi, sin
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from pymatting import estimate_alpha_cf, estimate_foreground_ml

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

WIDTH, HEIGHT, FPS = 1280, 720, 30
BT709, LIMITED = 1, 1  # FFmpeg's numbers for these colours and their range
MP4 = {"movflags": "+faststart"}
CLIP_FRAMES = 170
GRAIN = 0.009
LOOP_FRAMES = 120
WORDS = "This is a short sample clip. Stream cut takes the background away, and keeps the sound."
VOICE = ("-v", "en-us+f3", "-s", "172", "-z", "-p", "45", "--stdout")
SOUND_RATE = 48_000

# --- the person: all coordinates are pixels of the 512x512 photograph -------------------------

PHOTO_ROWS = 352  # those used; from row 349 on her helmet stands before her, below the clip
# Her outline, drawn by hand, clockwise from the lower left; the two parts overlap in the neck.
HAIR = [
    (186, 140), (182, 134), (174, 128), (169, 119), (158, 107), (154, 99), (152, 66), (155, 58),
    (169, 45), (185, 36), (196, 26), (207, 20), (230, 15), (249, 18), (277, 31), (285, 38),
    (296, 55), (298, 66), (300, 72), (302, 82), (302, 91), (299, 99), (297, 107), (291, 117),
    (275, 134), (269, 137), (262, 140),
]  # fmt: skip
BODY = [
    (24, 352), (24, 345), (29, 333), (34, 314), (40, 304), (42, 288), (52, 269), (62, 250),
    (81, 233), (91, 226), (99, 216), (108, 209), (114, 201), (113, 187), (121, 182), (125, 174),
    (130, 165), (138, 158), (148, 153), (158, 150), (170, 148), (183, 148), (182, 134), (186, 110),
    (262, 120), (269, 137), (266, 141), (263, 152), (257, 161), (255, 173), (263, 178), (278, 189),
    (289, 202), (298, 218), (304, 234), (319, 242), (329, 252), (334, 255), (343, 267), (347, 277),
    (349, 284), (353, 286), (355, 300), (357, 312), (359, 326), (363, 332), (360, 335), (362, 344),
    (365, 352),
]  # fmt: skip
# Lines that are surely hers where her colours resemble the old background: ring, arm patch.
SCRIBBLES = [
    [(127, 176), (131, 168), (136, 162), (142, 158), (150, 154), (159, 152), (170, 150),
     (181, 150)],
    [(349, 288), (352, 291), (354, 302), (355, 312), (358, 326), (360, 331)],
]  # fmt: skip
HAIR_BAND, EDGE_BAND = (5, 6), (3, 4)  # how far the unknown band reaches out and in
FRAMING_SCALE = 2.0  # clip pixels per photo pixel
ANCHOR_PHOTO = (210.0, 338.0)  # this point of her...
ANCHOR_FRAME = (500.0, 720.0)  # ...stands here in the clip
ENLARGED = 2  # the size at which the cutout is sharpened and then moved
NECK = (218.0, 190.0)
# Eyes: centre x, half width, upper lid, lower lid; the lids are drawn down over them.
EYES = [(202.0, 12.0, 95.5, 105.5), (247.0, 13.0, 98.0, 107.5)]
BLINKS = (1.35, 3.1, 4.75)  # seconds


@dataclass(frozen=True)
class Cutout:
    """A person without her background: clean colour everywhere, and how much of it shows."""

    colour: Floats
    alpha: Floats


@dataclass(frozen=True)
class Lamp:
    """One lamp of the background clip: a disc that circles around a point."""

    x: float
    y: float
    radius: float
    orbit: float
    phase: float
    colour: tuple[float, float, float]


def photograph(name: str) -> Bytes:
    """One of the images inside the scikit-image wheel, as RGB."""
    try:
        from skimage import data
    except ImportError:
        sys.exit("make.py: scikit-image is missing: pip install scikit-image")
    image: Bytes = np.ascontiguousarray(getattr(data, name)()[..., :3])
    return image


def filled(outline: list[tuple[int, int]], shape: tuple[int, ...]) -> Bytes:
    """A mask: 1 inside the polygon, 0 outside."""
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(outline)], (1,))
    return mask


def disc(radius: int) -> Bytes:
    """A round structuring element."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2).astype(np.uint8)


def trimap(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """1 inside the outline, 0 outside, 0.5 in a band along it that is wider at the hair."""
    hair, body = filled(HAIR, shape), filled(BODY, shape)
    reached, sure = np.zeros_like(hair), np.zeros_like(hair)
    for part, (outward, inward) in ((hair, HAIR_BAND), (body, EDGE_BAND)):
        reached |= cv2.dilate(part, disc(outward)).astype(np.uint8)
        sure |= cv2.erode(part, disc(inward), borderValue=1).astype(np.uint8)
    seam: npt.NDArray[Any] = cv2.erode(hair | body, disc(EDGE_BAND[1]), borderValue=1)
    seam[:125] = 0  # below the ears the two parts are one body
    for scribble in SCRIBBLES:
        cv2.polylines(sure, [np.array(scribble)], False, (1,))
    return np.where(sure | seam, 1.0, np.where(reached, 0.5, 0.0))


def cut_out() -> Cutout:
    """Cut the astronaut out of her photograph: closed-form matte and foreground colours."""
    photo = photograph("astronaut")[:PHOTO_ROWS] / 255.0
    alpha = estimate_alpha_cf(photo, trimap(photo.shape))
    colour = estimate_foreground_ml(photo, alpha)
    return Cutout(colour.astype(np.float32), alpha.astype(np.float32))


def enlarged(cutout: Cutout) -> Cutout:
    """The cutout at twice its size, a little sharpened."""
    factor = ENLARGED
    size = (cutout.alpha.shape[1] * factor, cutout.alpha.shape[0] * factor)
    colour: npt.NDArray[Any] = cv2.resize(cutout.colour, size, interpolation=cv2.INTER_CUBIC)
    colour += 0.5 * (colour - cv2.GaussianBlur(colour, (0, 0), 0.9 * factor))
    alpha = cv2.resize(cutout.alpha, size, interpolation=cv2.INTER_CUBIC)
    return Cutout(np.clip(colour, 0, 1), np.clip(alpha, 0, 1))


# --- movement ---------------------------------------------------------------------------------


def sway(seconds: float, slow: float, phase: float) -> float:
    """A smooth, never quite repeating swing within -1..1; `slow` is its main period."""
    turn = 2 * pi * seconds / slow
    return (0.6 * sin(turn + phase) + 0.3 * sin(1.71 * turn + 2.3 * phase)
            + 0.1 * sin(3.37 * turn + 4.1 * phase))  # fmt: skip


def eyelids(seconds: float) -> float:
    """How far the eyes are closed, 0..1."""
    distance = min(abs(seconds - blink) for blink in BLINKS)
    return cos(pi / 2 * min(distance / 0.11, 1.0)) ** 0.7 if distance < 0.11 else 0.0


def camera(seconds: float) -> tuple[float, float]:
    """Where the hand-held camera points, in clip pixels."""
    return 7 * sway(seconds, 5.2, 0.4), 4 * sway(seconds, 4.1, 2.0)


def turned(x: Floats, y: Floats, centre: tuple[float, float], angle: Floats | float,
           scale: float = 1.0) -> tuple[Floats, Floats]:  # fmt: skip
    """Turn (and scale) points about a centre; the angle may differ from point to point."""
    dx, dy = (x - centre[0]) * scale, (y - centre[1]) * scale
    c, s = np.cos(angle), np.sin(angle)
    return centre[0] + c * dx - s * dy, centre[1] + s * dx + c * dy


def blinked(x: Floats, y: Floats, closed: float) -> Floats:
    """Pull the upper lids down: from where in the photograph each point takes its y."""
    for centre, half_width, upper, lower in EYES:
        across = np.clip(1 - ((x - centre) / half_width) ** 2, 0, 1)
        top, bottom = upper - 5.0, lower + 2.0
        lid = upper + closed * np.sqrt(across) * (lower - upper)
        above = top + (y - top) * (upper - top) / (lid - top)
        below = bottom - (bottom - y) * (bottom - upper) / (bottom - lid)
        inside = (y > top) & (y < bottom) & (across > 0)
        y = np.where(inside, np.where(y < lid, above, below), y)
    return y


def photo_coordinates(seconds: float) -> tuple[Floats, Floats]:
    """For every clip pixel, the point of the photograph that it shows at this moment."""
    pan_x, pan_y = camera(seconds)
    grid_y, grid_x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    x = ANCHOR_PHOTO[0] + (grid_x + pan_x - ANCHOR_FRAME[0]) / FRAMING_SCALE
    y = ANCHOR_PHOTO[1] + (grid_y + pan_y - ANCHOR_FRAME[1]) / FRAMING_SCALE
    lean = 1 + 0.008 * sway(seconds, 5.9, 2.5)
    x, y = turned(x, y, ANCHOR_PHOTO, 0.016 * sway(seconds, 4.4, 0.0), lean)
    x = x + 5.0 * np.float32(sway(seconds, 4.4, 0.6))
    breath = np.exp(-(((y - 260) / 60) ** 2)) * 0.9 * sin(2 * pi * seconds / 3.3)
    above = np.clip((NECK[1] + 45 - y) / 90, 0, 1)
    # 0 at the shoulders, 1 at the chin and up
    head: Any = above * above * (3 - 2 * above)
    x, tilted = turned(x, y, NECK, head * 0.055 * np.float32(sway(seconds, 3.1, 1.0)))
    x = x + head * 2.5 * np.float32(sway(seconds, 2.7, 2.2))
    y = tilted + head * 2.2 * np.float32(sway(seconds, 2.2, 0.9)) + breath
    return x.astype(np.float32), blinked(cast(Any, x), cast(Any, y), eyelids(seconds)).astype(
        np.float32
    )


def posed(cutout: Cutout, seconds: float) -> Cutout:
    """The enlarged cutout as it stands in the clip at this moment."""
    x, y = ((c + 0.5) * ENLARGED - 0.5 for c in photo_coordinates(seconds))
    colour = cv2.remap(cutout.colour, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.remap(cutout.alpha, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return Cutout(np.clip(colour, 0, 1), np.clip(alpha, 0, 1))


# --- the place behind her ---------------------------------------------------------------------

PLACE_SCALE = 2.45
PLACE_ORIGIN = (-225.0, 300.0)  # enlarged photo pixel at the clip's top left
PLACE_PARALLAX = 0.35
DEFOCUS = 32  # clip pixels; sharper, the rocket is itself a subject that a network may keep


def defocused(frame: Floats, radius: int) -> Floats:
    """Blur as a wide-open lens does: a disc, in linear light, so that lamps become discs."""
    light: Any = frame**2.2
    light += 2.0 * np.maximum(frame - 0.75, 0) / 0.25 * frame
    lens = disc(radius).astype(np.float32)
    light = cv2.filter2D(light, -1, lens / lens.sum(), borderType=cv2.BORDER_REFLECT)
    light = cv2.GaussianBlur(light, (0, 0), 1.5)
    return np.asarray(np.clip(light, 0, 1).astype(np.float32) ** np.float32(1 / 2.2))


def launch_pad() -> Floats:
    """The rocket on its pad at dusk, out of focus, larger than the clip."""
    photo = photograph("rocket").astype(np.float32) / 255
    large = cv2.resize(photo, None, fx=PLACE_SCALE, fy=PLACE_SCALE, interpolation=cv2.INTER_CUBIC)
    return defocused(np.clip(large, 0, 1) ** np.float32(0.85), DEFOCUS)


def seen(place: Floats, seconds: float) -> Floats:
    """The part of the place that the drifting camera sees; the photo is mirrored at its sides."""
    pan_x, pan_y = camera(seconds)
    shift = np.array(
        [[1, 0, PLACE_ORIGIN[0] + PLACE_PARALLAX * pan_x],
         [0, 1, PLACE_ORIGIN[1] + PLACE_PARALLAX * pan_y]], np.float32)  # fmt: skip
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        place, shift, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT
    ).astype(np.float32)


# --- the clip ---------------------------------------------------------------------------------


def as_bytes(frame: Floats) -> Bytes:
    """0..1 to 0..255."""
    return np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8)


def clip_frames(person: Cutout) -> Iterator[Bytes]:
    """The clip: she in front of the launch pad, through a slightly noisy sensor."""
    place = launch_pad()
    chance = np.random.default_rng(1995)
    for index in range(CLIP_FRAMES):
        pose = posed(person, index / FPS)
        shown = pose.alpha[..., None]
        frame = pose.colour * shown + seen(place, index / FPS) * (1 - shown)
        grain = chance.standard_normal((HEIGHT, WIDTH, 1), np.float32)
        yield as_bytes(frame + GRAIN * grain)


def clip_mattes(person: Cutout) -> Iterator[Bytes]:
    """What of each frame of the clip is she."""
    for index in range(CLIP_FRAMES):
        yield as_bytes(posed(person, index / FPS).alpha)


def speech() -> bytes:
    """The words of the clip as a WAV file."""
    program = shutil.which("espeak-ng")
    if program is None:
        sys.exit("make.py: espeak-ng is missing: apt install espeak-ng (or your system's like)")
    return subprocess.run([program, *VOICE, WORDS], check=True, capture_output=True).stdout


def voice() -> Floats:
    """The words as 48 kHz samples, with silence around them, as long as the clip."""
    resampler = av.AudioResampler("fltp", "mono", SOUND_RATE)
    with av.open(io.BytesIO(speech())) as wav:
        assert isinstance(wav, av.container.InputContainer)
        frames: list[av.AudioFrame | None] = [*wav.decode(audio=0), None]
    parts = [part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)]
    words = np.concatenate(parts)
    sound = np.zeros(CLIP_FRAMES * SOUND_RATE // FPS, np.float32)
    start = SOUND_RATE // 5
    if start + len(words) > len(sound):
        sys.exit(f"make.py: speaking takes {len(words) / SOUND_RATE:.1f} s, more than the clip")
    sound[start : start + len(words)] = 0.6 * words / np.abs(words).max()
    return sound


# --- the new backgrounds ----------------------------------------------------------------------

GLOWS = [(0.03, 0.20, 0.27), (0.22, 0.05, 0.24), (0.32, 0.15, 0.05), (0.02, 0.11, 0.28)]
LAMP_COLOURS = [(1.0, 0.72, 0.38), (1.0, 0.50, 0.42), (0.55, 0.80, 1.0), (0.85, 0.60, 1.0)]


def deep_field() -> Bytes:
    """Hubble's eXtreme Deep Field, filling the clip's frame."""
    photo = photograph("hubble_deep_field")
    scale = WIDTH / photo.shape[1]
    large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top = (large.shape[0] - HEIGHT) // 2
    return large[top : top + HEIGHT].astype(np.uint8)


def small_jpeg(image: Bytes, limit: int) -> bytes:
    """The image as the best JPEG file under a number of bytes."""
    for quality in range(92, 30, -2):
        parameters = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
        data = cv2.imencode(".jpg", image[..., ::-1], parameters)[1].tobytes()
        if len(data) <= limit:
            return data
    raise ValueError(f"no JPEG of {limit} bytes")


def glow(turn: float) -> Floats:
    """A wall of slowly shifting light, the same again after one turn (0..1)."""
    y, x = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : WIDTH / HEIGHT : WIDTH * 1j].astype(np.float32)
    frame = np.full((HEIGHT, WIDTH, 3), (0.03, 0.05, 0.11), np.float32)
    for index, colour in enumerate(GLOWS):
        angle = 2 * pi * (turn + index / len(GLOWS))
        centre_x, centre_y = 0.9 + 0.75 * cos(angle), 0.5 + 0.35 * sin(angle)
        reach = np.exp(-((x - centre_x) ** 2 + (y - centre_y) ** 2) / 0.35)
        frame += reach[..., None] * np.array(colour, np.float32)
    return frame


def lamps() -> list[Lamp]:
    """Out-of-focus lamps, strewn by a seeded chance."""
    chance = np.random.default_rng(7)
    return [
        Lamp(
            x=float(chance.uniform(0, WIDTH)),
            y=float(chance.uniform(0, HEIGHT)),
            radius=float(chance.uniform(16, 62)),
            orbit=float(chance.uniform(8, 40)),
            phase=float(chance.uniform(0, 1)),
            colour=LAMP_COLOURS[int(chance.integers(len(LAMP_COLOURS)))],
        )
        for _ in range(46)
    ]


def add_lamp(frame: Floats, lamp: Lamp, turn: float) -> None:
    """Draw one lamp, a disc with a brighter rim, circling once a turn and breathing twice."""
    angle = 2 * pi * (turn + lamp.phase)
    x, y = lamp.x + lamp.orbit * cos(angle), lamp.y + 0.6 * lamp.orbit * sin(angle)
    reach = int(lamp.radius) + 4
    left, top = max(int(x) - reach, 0), max(int(y) - reach, 0)
    area = frame[top : max(int(y) + reach, 0), left : max(int(x) + reach, 0)]
    rows, columns = np.mgrid[top : top + area.shape[0], left : left + area.shape[1]]
    distance = np.hypot(columns - x, rows - y) / lamp.radius
    soft = 0.1 + 2 / lamp.radius
    shape = np.clip((1 - distance) / soft + 0.5, 0, 1) * (
        0.75 + 0.25 * np.clip(distance, 0, 1) ** 6
    )
    strength = 0.20 + 0.09 * sin(2 * angle)
    area += (strength * shape)[..., None].astype(np.float32) * np.array(lamp.colour, np.float32)


def loop_frames() -> Iterator[Bytes]:
    """The background clip: drifting lamps; the frame after the last one is the first."""
    dither = np.random.default_rng(3).uniform(-0.006, 0.006, (HEIGHT, WIDTH, 1)).astype(np.float32)
    strewn = lamps()
    for index in range(LOOP_FRAMES):
        turn = index / LOOP_FRAMES
        frame = glow(turn)
        for lamp in strewn:
            add_lamp(frame, lamp, turn)
        yield as_bytes(frame + dither)


# --- files ------------------------------------------------------------------------------------


def add_video(out: OutputContainer, crf: int) -> av.VideoStream:
    """An H.264 stream, tagged BT.709; one thread, so the file does not depend on the cores."""
    options = {"crf": str(crf), "preset": "slow", "threads": "1"}
    stream = out.add_stream("libx264", rate=FPS, options=options)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context = stream.codec_context
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = LIMITED
    return stream


def encode_frames(out: OutputContainer, stream: av.VideoStream, frames: Iterable[Bytes]) -> None:
    """Encode RGB frames as limited-range BT.709."""
    for index, shown in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(shown, "rgb24").reformat(
            format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED
        )
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def encode_sound(out: OutputContainer, stream: av.AudioStream, sound: Floats) -> None:
    """Encode mono samples."""
    for first in range(0, len(sound), 1024):
        frame = av.AudioFrame.from_ndarray(sound[None, first : first + 1024], "fltp", "mono")
        frame.sample_rate, frame.pts = SOUND_RATE, first
        frame.time_base = Fraction(1, SOUND_RATE)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def write_presenter(path: Path, person: Cutout, sound: Floats) -> None:
    """Write the clip of the person, with sound."""
    with av.open(path, "w", options=MP4) as out:
        video = add_video(out, crf=21)
        audio = out.add_stream("aac", rate=SOUND_RATE, layout="mono")
        audio.bit_rate = 96_000
        encode_sound(out, audio, sound)
        encode_frames(out, video, clip_frames(person))


def write_matte(path: Path, person: Cutout) -> None:
    """Write the clip's true matte, lossless."""
    with av.open(path, "w", options={"fflags": "+bitexact"}) as out:
        stream = out.add_stream("ffv1", rate=FPS, options={"level": "3"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "gray"
        for index, matte in enumerate(clip_mattes(person)):
            frame = av.VideoFrame.from_ndarray(matte, "gray")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def write_loop(path: Path) -> None:
    """Write the background clip."""
    with av.open(path, "w", options=MP4) as out:
        encode_frames(out, add_video(out, crf=29), loop_frames())


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here, help="folder to write (default: here)")
    parser.add_argument(
        "--matte", type=Path, metavar="FILE.mkv", help="also write the clip's true matte (FFV1)"
    )
    options = parser.parse_args()
    sound = voice()  # first, so that nothing is overwritten where espeak-ng is missing
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "background.jpg").write_bytes(small_jpeg(deep_field(), 195_000))
    person = enlarged(cut_out())
    write_presenter(options.out / "presenter.mp4", person, sound)
    if options.matte:
        write_matte(options.matte, person)
    write_loop(options.out / "background.mp4")


if __name__ == "__main__":
    main()
