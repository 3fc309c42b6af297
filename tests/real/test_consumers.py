"""A consumer that is stopped for ten seconds and goes on: nothing is lost, grows or stays late."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from helpers.filming import free_port
from helpers.jobs import PROGRAM
from helpers.media import shown
from helpers.waiting import until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

_SAMPLE = Path(__file__).parents[2] / "samples" / "presenter.mp4"
STOPPED = 10.0
_LOOK = 0.1
# Prints of every picture when it was seen, by the clock of all programs, and its own time. What
# ends is opened again, as OBS does; then its clock is another one.
CONSUMER = """
import av, sys, time
address, form, again = sys.argv[1:]
while True:
    came = time.monotonic()
    try:
        with av.open(address, format=form, options={"analyzeduration": "0"}) as stream:
            for picture in stream.decode(video=0):
                print(came, time.monotonic(), float(picture.time), flush=True)
    except (OSError, ValueError):  # It may end in the middle of a picture.
        pass
    if again == "no":
        break
    time.sleep(0.5)
"""


class Consumer:
    """A program that takes pictures; ``seen`` holds (when it came, when it saw, what time)."""

    def __init__(self, log: Path, address: str, form: str, again: bool, stdin: int | None) -> None:
        self._log = log
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", CONSUMER, address, form, "yes" if again else "no"],
                stdin=stdin,
                stdout=out,
            )

    @property
    def seen(self) -> list[tuple[float, float, float]]:
        lines = self._log.read_text().splitlines()[:-1]
        return [tuple(map(float, line.split())) for line in lines]  # type: ignore[misc]

    def late(self) -> float:
        """By how much the latest pictures are later than the earliest of their stream were."""
        now = self.seen
        lags = [saw - time_ for came, saw, time_ in now if came == now[-1][0]]
        return median(lags[-10:]) - min(lags)


def long_clip(path: Path) -> Path:
    """The sample again and again, for a minute."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    command = ["ffmpeg", "-v", "error", "-stream_loop", "30", "-i", str(_SAMPLE), "-t", "60"]
    subprocess.run([*command, "-an", "-c", "copy", str(path)], check=True)
    return path


@contextmanager
def consumed(to: str, record: Path, reports: Path) -> Iterator[tuple[int, Consumer]]:
    """A running job (its process id), recorded, and who takes its pictures."""
    port = free_port()
    address, form = {
        "-": ("pipe:0", "nut"),
        "obs": (f"tcp://127.0.0.1:{port}", "nut"),
        "tcp": (f"tcp://127.0.0.1:{port}?listen=1", "mpegts"),
    }[to]
    target = {"-": "-", "obs": f"obs:{port}", "tcp": f"tcp://127.0.0.1:{port}"}[to]
    camera = [
        "--camera",
        str(long_clip(record.with_name("long.mp4"))),
        "--size",
        "640x360",
        "-b",
        "#204060",
    ]
    command = [*PROGRAM, "webcam", *camera, "--to", target, "--record", str(record)]
    log = record.with_suffix(".log")
    if to == "tcp":
        consumer = Consumer(log, address, form, False, None)
        time.sleep(1)
    with reports.open("w") as lines:
        job = subprocess.Popen(
            command if to == "-" else [*command, "--json-lines"],
            stdout=subprocess.PIPE if to == "-" else lines,
            stderr=lines if to == "-" else None,
        )
    if to != "tcp":
        given = job.stdout.fileno() if job.stdout else None
        consumer = Consumer(log, address, form, to == "obs", given)
    if job.stdout is not None:
        job.stdout.close()
    try:
        yield job.pid, consumer
        job.send_signal(signal.SIGTERM)
        assert job.wait(30) == 0
    finally:
        for process in (consumer.process, job):
            process.kill()
            process.wait()


def memory(job: int) -> int:
    """Bytes that a process and those it started hold."""
    children = Path(f"/proc/{job}/task/{job}/children").read_text().split()
    pages = [int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in (job, *children)]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("to", ["-", "obs", "tcp"])
def test_a_consumer_that_is_stopped_for_ten_seconds(to: str, tmp_path: Path) -> None:
    record, reports = tmp_path / "recorded.mkv", tmp_path / "reports"
    with consumed(to, record, reports) as (job, consumer):
        until(lambda: len(consumer.seen) > 90, 60, _LOOK)
        consumer.process.send_signal(signal.SIGSTOP)
        held, taken = [], len(consumer.seen)
        for _ in range(20):
            time.sleep(STOPPED / 20)
            held.append(memory(job))
        consumer.process.send_signal(signal.SIGCONT)
        until(lambda: len(consumer.seen) > taken + 90 and consumer.late() < 0.25, 30, _LOOK)
        clocks = len({came for came, _, _ in consumer.seen})
    assert clocks == (2 if to == "obs" else 1)  # OBS is sent away, so that it has a clock anew.
    assert max(held[5:]) < held[5] * 1.05
    check_recording(record, reports)


def check_recording(record: Path, reports: Path) -> None:
    """It has all pictures that were made, evenly."""
    times = np.array([float(time_) for time_ in shown(record).times])
    assert np.diff(times).max() < 0.25
    assert len(times) > 0.8 * 30 * (STOPPED + 5)
    told = [json.loads(line) for line in reports.read_text().splitlines() if line[:1] == "{"]
    for report in told:
        assert "lost" not in report["consumer"]
    if told:
        assert len(times) >= told[-1]["frames"]
    else:
        made = re.search(r"recorded (\d+) frames", reports.read_text())
        assert made is not None
        assert len(times) >= int(made[1])
