"""What failed of several inputs: a list, and the exit code 1."""

from __future__ import annotations

from collections.abc import Sequence

from streamcut.cli.say import say
from streamcut.core.errors import StreamcutError


def report_failed(failed: Sequence[tuple[str, str]], count: int) -> None:
    """List what failed and end with exit code 1, if anything did.

    Args:
        failed: (input, reason) of each.
        count: of all inputs.

    Raises:
        StreamcutError: so.
    """
    if not failed:
        return
    for source, reason in failed:
        told = reason if source in reason else f"{source}: {reason}"
        say(f"streamcut: failed: {told}")
    raise StreamcutError(f"{len(failed)} of {count} failed")
