"""What streamcut does, as named values in a JSON file: to prove that a change changes nothing.

    python tests/goldens/make.py --out before.json
    python tests/goldens/make.py --compare before.json

It looks at the ``streamcut`` that can be imported, and only from outside: the command line, the
public names, the files that come out. Figures of one machine and one set of packages compare,
others need not: encoders and networks compute a little differently elsewhere.

Left out, because it differs from run to run: all that is measured (seconds, speeds), the times of
live frames, the decoded planes of H.264 (with one thread too), what ``doctor`` and ``devices``
find on a machine. The last digits of ``evaluate`` are rounded away.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import numpy as np  # noqa: E402
from goldens import cases, inputs, reading  # noqa: E402
from PIL import Image  # noqa: E402

import streamcut  # noqa: E402

Values = dict[str, Any]

MEASURED = {"seconds", "fps", "speed", "busy", "starved", "blocked", "stages"}
PROGRAM = [sys.executable, "-m", "streamcut"]
ONE = ["--threads", "1"]
SHOWN = 8  # Lines of difference that --compare prints of one value.


# --- running --------------------------------------------------------------------------------


def command(*arguments: str) -> tuple[int, str, str]:
    """Run the command line within this process, which spares it the imports."""
    out, err = io.StringIO(), io.StringIO()
    kept, ctrl_c = sys.argv, signal.getsignal(signal.SIGINT)
    sys.argv = ["streamcut", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            runpy.run_module("streamcut", run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.argv = kept
        signal.signal(signal.SIGINT, ctrl_c)
    return code, out.getvalue(), err.getvalue()


def program(*arguments: str, given: bytes = b"") -> tuple[int, bytes]:
    """Run the command line as a program of its own, between pipes."""
    ran = subprocess.run([*PROGRAM, *arguments], input=given, capture_output=True, timeout=120)
    if ran.returncode:
        raise RuntimeError(ran.stderr.decode())
    return ran.returncode, ran.stdout


def cleared(output: str) -> Path:
    """Return an output's path, where nothing is now."""
    path = Path(output.rstrip("/"))
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    return path


# --- what is looked at ----------------------------------------------------------------------


def files() -> Values:
    """Every file job: its summary and what its output holds; or why it is refused."""
    return {name: file_job(clip, output, options) for name, clip, output, options in cases.jobs()}


def file_job(clip: str, output: str, options: Sequence[str]) -> Values:
    """Do one job."""
    path = cleared(output)
    code, out, err = command("video", clip, output, "-q", "--json", *ONE, *options)
    if code:
        return {"code": code, "error": err.strip()}
    shown, summary = reading.file(path), without_measures(json.loads(out))
    if shown.get("codec") == "h264":  # It comes out a little different each time.
        del shown["planes"], summary["bytes"]
    return {"said": err.strip(), **shown, "summary": summary}


def without_measures(summary: Values) -> Values:
    """Drop what is measured; of the stages their names stay."""
    kept = {key: value for key, value in summary.items() if key not in MEASURED}
    return kept | {"keys": list(summary), "stage_names": [s["name"] for s in summary["stages"]]}


def library() -> Values:
    """The public names, the settings and what ``remove`` and ``remove_video`` return."""
    found: Values = {
        "__all__": sorted(streamcut.__all__),
        "settings": asdict(streamcut.Settings()),
    }
    subject, alpha = Image.open("subject.png"), Image.open("subject_rgba.png")
    session = streamcut.new_session("modnet")
    calls: dict[str, Callable[[], Any]] = {
        "image": lambda: streamcut.remove(subject, session=session),
        "image with alpha": lambda: streamcut.remove(alpha, session=session),
        "array": lambda: streamcut.remove(np.array(subject), session=session),
        "bytes": lambda: streamcut.remove(Path("subject.png").read_bytes(), session=session),
        "mask": lambda: streamcut.remove(subject, session=session, only_mask=True),
        "mask made hard": lambda: streamcut.remove(
            subject, session=session, only_mask=True, post_process_mask=True
        ),
        "matting": lambda: streamcut.remove(subject, session=session, alpha_matting=True),
        "colour": lambda: streamcut.remove(subject, session=session, bgcolor=(10, 90, 200, 255)),
        "putalpha": lambda: streamcut.remove(subject, session=session, putalpha=True),
        "portrait": lambda: streamcut.remove(subject, session=streamcut.new_session("portrait")),
    }
    for name, call in calls.items():
        found[f"remove/{name}"] = pixels(call())
    path = cleared("out.mkv")
    summary = streamcut.remove_video(
        "clip8.mkv", "out.mkv", session=session, threads=1, background="blur", start=0.04
    )
    found["remove_video"] = {"summary": without_measures(asdict(summary)), **reading.file(path)}
    return found


def pixels(made: Any) -> list[Any]:
    """Describe an image, an array or a file's bytes."""
    if isinstance(made, bytes):
        return ["bytes", *pixels(Image.open(io.BytesIO(made)))]
    if isinstance(made, np.ndarray):
        return ["array", list(made.shape), str(made.dtype), reading.digest([made.tobytes()])]
    return [made.mode, list(made.size), reading.digest([made.tobytes()])]


def pipes() -> Values:
    """What standard output carries for standard input."""
    shown = [inputs.frame(index).to_ndarray(format="rgb24") for index in range(inputs.COUNT)]
    bare = b"".join(frame.tobytes() for frame in shown)
    raw = ["--from", "rawvideo", "--size", "160x96", "--pix-fmt", "rgb24"]
    runs = {
        "bare": (raw, bare, "rawvideo"),
        "bare over blur to y4m": ([*raw, "-b", "blur", "--to", "y4m"], bare, "y4m"),
        "nut": (["--to", "nut"], Path("clip10.mkv").read_bytes(), "nut"),
    }
    return {
        name: reading.bare(program("pipe", "-q", *ONE, *cases.MODEL, *how, given=data)[1], form)
        for name, (how, data, form) in runs.items()
    }


def live() -> Values:
    """A feed of a frame every 0.7 seconds: no machine is too slow for it, so none is dropped.

    The times that come out are those of a clock on the wall and are left aside.
    """
    looks = {
        "cutout": [*cases.MODEL],
        "blur": [*cases.MODEL, "-b", "blur", "--mirror"],
        # What the network says of the subject's colours.
        "rvm": ["-m", "rvm-mobilenetv3"],
        "rvm over colour": ["-m", "rvm-mobilenetv3", "-b", "#3060a0", "--size", "80x48"],
    }
    raw = ["--to", "-", "--to-format", "rawvideo", "--to-pix-fmt", "rgba"]
    feeds = {
        name: subprocess.Popen(
            [*PROGRAM, "webcam", "-q", "--camera", "slow.mkv", *raw, *ONE, *look],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        for name, look in looks.items()
    }
    found: Values = {}
    for name, feed in feeds.items():
        out, err = feed.communicate(timeout=120)
        size = 80 * 48 * 4 if "80x48" in looks[name] else 160 * 96 * 4
        found[name] = {"said": err.decode().strip(), "frames": distinct(out, size)}
    _, out = program(
        "webcam",
        "--json-lines",
        "--camera",
        "slow.mkv",
        "--to",
        "live.mkv",
        "-y",
        *ONE,
        *cases.MODEL,
    )
    report = json.loads(out.splitlines()[-1])
    shown = reading.file(Path("live.mkv"))
    moving = {"times", "keyframes", "metadata", "tags", "rate", "planes"}  # Some come twice.
    found["file"] = {key: value for key, value in shown.items() if key not in moving}
    found["report"] = {"keys": list(report), "frames": report["frames"]}
    return found


def distinct(data: bytes, size: int) -> list[str]:
    """Hash each bare frame; one that is shown again because none has come counts once."""
    frames = [reading.digest([data[at : at + size]]) for at in range(0, len(data), size)]
    return [now for now, before in zip(frames, ["", *frames], strict=False) if now != before]


def helps() -> Values:
    """The help of every command, found as a user finds them: by reading the help above."""
    found: Values = {}
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        names = waiting.pop(0)
        _, out, _ = command(*names, "--help")
        found[" ".join(("streamcut", *names))] = out.splitlines()
        below = out.partition("\nCommands:\n")[2]
        waiting += [(*names, name) for name in re.findall(r"^  ([a-z]\S*)  ", below, re.M)]
    return found


def errors() -> Values:
    """What is said about command lines that are wrong, and the exit codes."""
    Path("room.txt").write_text("no video\n")
    Path("wrong.toml").write_text("[output]\nqualty = 'fast'\n")
    found: Values = {}
    for line in cases.ERRORS:
        cleared("out.webm")
        code, out, err = command(*line.split(), *(["-q"] if line.startswith("video ") else []))
        found[line] = [code, *(out + err).splitlines()]
    return found


def reports() -> Values:
    """What the other commands print as JSON: all that is not measured."""
    found: Values = {}
    catalogue = json.loads(command("models", "--json")[1])
    found["models"] = {
        entry["name"]: {key: entry[key] for key in entry if key not in ("seconds", "speed", "fps")}
        for entry in catalogue
    }
    for name, options in {"a.mkv": ["--no-smooth"], "b.mkv": ["--feather", "3"]}.items():
        cleared(name)
        command("video", "clip8.mkv", name, "-q", "-om", *ONE, *cases.MODEL, *options)
    judged = command("evaluate", "b.mkv", "-t", "a.mkv", "--json", "-q")[1]
    # Sums by several threads: their last digits differ.
    found["evaluate"] = json.loads(judged, parse_float=lambda text: float(f"{float(text):.5g}"))
    found["evaluate/text"] = command("evaluate", "b.mkv", "-t", "a.mkv", "-q")[1].splitlines()
    few = ["--frames", "3", "--rounds", "1", "--format", ".mkv", "--json"]
    found["bench"] = shape(json.loads(command("bench", "clip8.mkv", *few, *cases.MODEL)[1]))
    found["doctor"] = shape(json.loads(command("doctor", "--json")[1]))
    return found


def shape(value: Any) -> Any:
    """Return the keys of a JSON value, without what stands there."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


def project() -> Values:
    """The configuration file, the command's entry point and the names of the wheel's files."""
    root = Path(streamcut.__file__).parents[1]
    found: Values = {"config.toml": (root / "config.toml").read_text().splitlines()}
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        ran = subprocess.run(build, cwd=root, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if not wheels:
            return found | {"wheel": ran.stderr.splitlines()[-1:]}
        with zipfile.ZipFile(wheels[0]) as wheel:
            found["wheel"] = sorted(wheel.namelist())
    return found


PARTS: dict[str, Callable[[], Values]] = {
    "help": helps,
    "project": project,
    "files": files,
    "library": library,
    "pipe": pipes,
    "live": live,
    "reports": reports,
    "errors": errors,
}


# --- the whole ------------------------------------------------------------------------------


@contextlib.contextmanager
def workplace() -> Iterator[None]:
    """An empty home, small models where those of the catalogue are looked for, and the clips."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        home = Path("/nonexistent")  # Its name stands in the help.
        os.environ |= {
            "COLUMNS": "100",
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_CACHE_HOME": f"{folder}/cache",
            "U2NET_HOME": f"{folder}/models",
            "MODEL_CHECKSUM_DISABLED": "1",
            "NO_COLOR": "1",
            "TERM": "dumb",
        }
        inputs.models(Path("models"))
        inputs.clips()
        yield


def flat(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value with its full name; lists stay whole."""
    if not isinstance(values, dict):
        yield name, values
        return
    for key, inner in values.items():
        yield from flat(inner, f"{name}/{key}" if name else str(key))


def made(parts: Sequence[str]) -> Values:
    """Make the named parts."""
    with workplace():
        here = os.path.realpath(os.getcwd())
        text = json.dumps(dict(flat({part: PARTS[part]() for part in parts})))
        root = os.path.realpath(Path(streamcut.__file__).parents[1])
        return dict(json.loads(text.replace(here, "HERE").replace(root, "ROOT")))


def difference(old: Any, new: Any) -> list[str]:
    """Return what differs between two values, in a few lines."""
    if isinstance(old, list) and isinstance(new, list) and len(old) + len(new) > SHOWN:
        before, after = ([str(line) for line in value] for value in (old, new))
        lines = [*difflib.unified_diff(before, after, lineterm="", n=0)][2:]
        more = [f"... {len(lines) - SHOWN} lines more"] if len(lines) > SHOWN else []
        return [*lines[:SHOWN], *more]
    return [f"- {json.dumps(old)[:300]}", f"+ {json.dumps(new)[:300]}"]


def compare(old: Values, new: Values) -> int:
    """Print the names whose values differ; return how many."""
    absent = object()
    differing = [
        name
        for name in [*old, *(name for name in new if name not in old)]
        if old.get(name, absent) != new.get(name, absent)
    ]
    for name in differing:
        print(name)
        if name in old and name in new:
            print(*(f"    {line}" for line in difference(old[name], new[name])), sep="\n")
        else:
            print("    is gone" if name in old else f"    is new: {json.dumps(new[name])[:300]}")
    print(f"{len(differing)} of {len(old)} values differ")
    return len(differing)


def main() -> int:
    """Make the values; write them, or compare them with those of a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, help="write the values to this file")
    parser.add_argument("--compare", type=Path, help="print what differs from this file")
    parser.add_argument("--only", choices=PARTS, action="append", help="make this part alone")
    options = parser.parse_args()
    parts = options.only or list(PARTS)
    values = made(parts)
    if options.out:
        options.out.write_text(json.dumps(values, indent=0) + "\n")
    if options.compare is None:
        return 0
    old = json.loads(options.compare.read_text())
    wanted = {name: old[name] for name in old if name.split("/")[0] in parts}
    return int(compare(wanted, values) > 0)


if __name__ == "__main__":
    # Output and comparison are read and written from where the command was started.
    sys.exit(main())
