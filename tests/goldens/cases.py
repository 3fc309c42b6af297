"""Which jobs are done: formats, looks, depths, mattes, inputs, errors."""

from __future__ import annotations

from collections.abc import Iterator

MODEL = ["-m", "modnet"]
"""Light arithmetic instead of a network: no figure depends on how weights were trained."""

DEPTHS = {"8": "clip8.mkv", "10": "clip10.mkv"}

FORMATS: dict[str, list[str]] = {
    "out.webm": [],
    "prores.mov": [],
    "qtrle.mov": ["--codec", "qtrle"],
    "png.mov": ["--codec", "png"],
    "ffv1.mkv": [],
    "vp9.mkv": ["--codec", "vp9"],
    "usual.mp4": [],
    "hevc.mov": ["--codec", "hevc"],
    "out.gif": [],
    "out.webp": [],
    "out.apng": [],
    "images/": [],
}

LOOKS: dict[str, list[str]] = {
    "cutout": [],
    "as decoded": ["--no-decontaminate", "--cutout", "putalpha"],
    "premultiplied": ["--cutout", "naive"],
    "mask": ["-om"],
    "stacked": ["--stacked"],
    "colour": ["-b", "#3060a0"],
    "image": ["-b", "ground.png"],
    "blur": ["-b", "blur"],
    "video": ["-b", "long.mkv"],
    "inverse": ["--invert"],
}

FEW = ("cutout", "mask", "stacked", "colour")
"""The looks that every format is tried with; FFV1 and VP9 show them all."""

MATTES: dict[str, list[str]] = {
    "portrait": ["-m", "portrait"],
    "rvm": ["-m", "rvm-mobilenetv3"],
    "rvm as decoded": ["-m", "rvm-mobilenetv3", "--no-decontaminate"],
    "u2netp": ["-m", "u2netp"],
    "pphumanseg": ["-m", "pphumanseg"],
    "cloth": ["-m", "u2net_cloth_seg", "--cloth-category", "upper", "--duration", "0.08"],
    "sam": ["-m", "sam", "--prompt", "0.4,0.45", "--duration", "0.08"],
    "by path": ["-m", "models/modnet.onnx"],
    "chroma": ["-m", "chroma", "--screen", "#2fa84f"],
    "chroma found": ["-m", "chroma"],
    "difference": ["-m", "difference", "--plate", "room.png"],
    "no smoothing": ["--no-smooth"],
    "all smoothing": ["--smooth", "1"],
    "islands": ["--min-area", "20"],
    "no islands": ["--min-area", "0"],
    "hard": ["--threshold", "0.5"],
    "wide": ["--expand", "4"],
    "narrow": ["--contract", "3"],
    "feathered": ["--feather", "3"],
    "all of them": ["--threshold", "0.4", "--expand", "2", "--feather", "2", "--invert"],
    "like rembg": ["-ppm"],
    "keyframes": ["--matting", "keyframes", "--keyframe-interval", "2"],
    "closed form": ["--matting", "every", "-af", "230", "-ab", "20", "-ae", "3"],
    "closed form over blur": ["--matting", "every", "-b", "blur:40"],
}

PICTURES: dict[str, list[str]] = {
    "green": ["-b", "green"],
    "light wrap": ["-b", "ground.png", "--light-wrap", "0.8"],
    "light wrap as decoded": ["-b", "long.mkv", "--light-wrap", "0.5", "--no-decontaminate"],
    "strong blur": ["-b", "blur:90"],
    "inverse colour": ["-b", "#204060", "--invert"],
    "inverse mask": ["-om", "--invert"],
    "inverse stacked": ["--stacked", "--invert"],
    "smaller": ["--size", "80x48"],
    "smaller colour": ["--size", "50%", "-b", "red"],
    "larger": ["--size", "x128", "-b", "ground.png"],
    "part": ["--start", "0.04", "--duration", "0.08"],
    "silent": ["--no-audio"],
}

INPUTS = (
    "yuv422p10le.mkv",
    "yuv444p.mkv",
    "yuv444p12le.mkv",
    "gbrp.avi",
    "gbrp10le.mkv",
    "yuva420p.mkv",
    "grey.mkv",
    "untagged.mkv",
    "full.mkv",
    "vfr.mkv",
    "late.mkv",
    "turned.mp4",
    "mirrored.mp4",
    "anamorphic.mp4",
    "interlaced.mp4",
)


def jobs() -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield (name, input, output, options) of every file job."""
    for form, codec in FORMATS.items():
        whole = form in ("ffv1.mkv", "out.webm")
        for look, options in LOOKS.items():
            for depth, clip in DEPTHS.items():
                if whole or look in FEW:
                    yield f"{form} {look} {depth}", clip, form, [*MODEL, *codec, *options]
    for name, options in MATTES.items():
        model = [] if "-m" in options else MODEL
        yield f"matte {name} 8", DEPTHS["8"], "out.mkv", [*model, *options]
    for name, options in PICTURES.items():
        for depth, clip in DEPTHS.items():
            yield f"picture {name} {depth}", clip, "out.mkv", [*MODEL, *options]
    for clip in INPUTS:
        yield f"input {clip} cutout", clip, "out.mkv", MODEL
        yield f"input {clip} colour", clip, "out.mkv", [*MODEL, "-b", "#3060a0"]
        yield f"input {clip} webm", clip, "out.webm", MODEL
    for quality in ("fast", "best"):
        for form in ("out.webm", "prores.mov", "usual.mp4"):
            options = ["--quality", quality, "-b", "blur"]
            yield f"quality {form} {quality}", DEPTHS["8"], form, [*MODEL, *options]


ERRORS = """
video
video none.mp4 out.webm
video room.txt out.webm
video clip8.mkv none/out.webm
video clip8.mkv clip8.mkv
video clip8.mkv out.avi
video clip8.mkv out.png
video clip8.mkv out.mp4
video clip8.mkv out.mov --codec h264
video clip8.mkv out.webm --codec vp7
video clip8.mkv out.webm -m portrat
video clip8.mkv out.webm -m none.onnx
video clip8.mkv out.webm -b rde
video clip8.mkv out.webm -b #ff000080
video clip8.mkv out.webm -b blur:x
video clip8.mkv out.webm -b blur:500
video clip8.mkv out.webm --size big
video clip8.mkv out.webm --size 0x0
video clip8.mkv out.webm --start soon
video clip8.mkv out.webm --duration 0
video clip8.mkv out.webm --start 90
video clip8.mkv out.webm -om --stacked
video clip8.mkv out.webm -om -b red
video clip8.mkv out.webm --stacked -b red
video clip8.mkv out.webm --quality fats
video clip8.mkv out.webm --threads x
video clip8.mkv out.webm --threads -1
video clip8.mkv out.webm --smooth 2
video clip8.mkv out.webm --threshold 1.5
video clip8.mkv out.webm --expand -1
video clip8.mkv out.webm --expand 2 --contract 2
video clip8.mkv out.webm --light-wrap 0.5
video clip8.mkv out.webm --min-area 200
video clip8.mkv out.webm --keyframe-interval 0
video clip8.mkv out.webm --matting every -af 10 -ab 240
video clip8.mkv out.webm --screen green
video clip8.mkv out.webm --plate room.png
video clip8.mkv out.webm --prompt 0.5,0.5
video clip8.mkv out.webm -m sam --prompt 7
video clip8.mkv out.webm --cloth-category upper
video clip8.mkv out.webm --device abacus
video clip8.mkv out.webm --require-gpu --device cpu
video clip8.mkv out.webm --qualty fast
video clip8.mkv out.webm more
video clip8.mkv out.webm --config none.toml
video clip8.mkv out.webm --config wrong.toml
vidoe
webcam --camera none.mkv --to out.mkv
webcam --camera clip8.mkv --to out.avi
webcam --camera clip8.mkv --to out.mkv --fps -1
webcam --camera clip8.mkv --to out.mkv --unchanged -1
webcam --camera clip8.mkv --to - --to-format rawvideo --to-pix-fmt abc
pipe --from rawvideo
pipe --from rawvideo --size 160x96 --pix-fmt abc
models pull nothing
evaluate none.mkv --truth clip8.mkv
bench none.mkv
""".strip().splitlines()
"""Command lines that are refused in one line."""
