"""Sends a stream that is encoded already to an address: a program of its own.

PyAV holds the interpreter while FFmpeg connects, greets a server and takes leave of it, and FFmpeg
waits for as long as the server likes: nothing else would run meanwhile, not even Ctrl-C. Nor can a
write be broken off. A process can be ended, whatever it waits for.

Reads NUT from standard input; on standard output one byte says that it is ready. It ends with code
0 at the end of its input, else with 1 and the reason, if there is one, on standard error.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import av

ADDRESS, MUXER, PATIENCE = "STREAMCUT_ADDRESS", "STREAMCUT_MUXER", "STREAMCUT_PATIENCE"
"""Environment variables: where to, in which of FFmpeg's formats, seconds that a server may stall.

An address may hold a password: a command line can be read by every user of a machine."""

_NO_PROTOCOL = (
    "this FFmpeg does not speak its protocol; with one that does: "
    "streamcut webcam ... --to - | ffmpeg -i - -f mpegts ADDRESS"
)
_INPUT = "pipe:0"
# NUT says what it holds: nothing need be found out by waiting for frames.
_AT_ONCE = {"analyzeduration": "0", "fpsprobesize": "0"}
_BUFFER = 1 << 17  # Bytes.
_DESCRIPTORS = 64
_OPTIONS = {
    "rtsp": {"rtsp_transport": "tcp"},
    "flv": {"flvflags": "no_duration_filesize", "flush_packets": "1"},
    "mpegts": {"flush_packets": "1", "omit_video_pes_length": "0"},
}


def main() -> int:
    """Send what comes until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Who started this says when it is over.
    sys.stdout.write("+")
    sys.stdout.flush()
    try:
        _send(os.environ[ADDRESS], os.environ[MUXER], float(os.environ[PATIENCE]))
    except av.error.ProtocolNotFoundError:
        sys.stderr.write(_NO_PROTOCOL)
        return 1
    except (av.error.FFmpegError, OSError, ValueError) as error:
        sys.stderr.write(getattr(error, "strerror", None) or str(error))
        return 1
    return 0


def _send(address: str, muxer: str, patience: float) -> None:
    with (
        open(os.devnull, "w") as nowhere,
        av.open(_INPUT, format="nut", options=_AT_ONCE) as source,
    ):
        output = av.open(address, "w", format=muxer, options=dict(_OPTIONS[muxer]))
        template = source.streams.video[0]
        stream = output.add_stream_from_template(template)

        @contextmanager
        def in_time() -> Iterator[None]:
            """End this process if what is done takes too long; no Python need run for that."""
            faulthandler.dump_traceback_later(patience, exit=True, file=nowhere)
            yield
            faulthandler.cancel_dump_traceback_later()

        with in_time():
            output.start_encoding()  # Now it connects.
        _keep_little_waiting()
        for packet in source.demux(template):
            if packet.size:
                packet.stream = stream
                with in_time():
                    output.mux(packet)
        with in_time():
            output.close()


def _keep_little_waiting() -> None:
    """Make the connection's own buffer small: what waits there while a server sleeps grows old.

    FFmpeg has an option for it, which PyAV cannot hand to every protocol.
    """
    for number in range(3, _DESCRIPTORS):
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)


if __name__ == "__main__":
    sys.exit(main())
