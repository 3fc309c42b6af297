"""A worker as a program of its own: a task a line on standard input, a result a line on output."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict


def main() -> int:
    """Do what comes until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Who started this says when it is over.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # Whatever a library prints is no result.
    from streamcut.jobs.many.tasks import Worker

    worker = Worker()
    for line in sys.stdin:
        answers.write(json.dumps(asdict(worker.do(json.loads(line)))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
