"""The session of calls that name none: loaded with the first, kept for the others."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from PIL import Image

# What only predictions ask for: it may change from call to call, and the session stays.
_NOT_THE_SESSIONS = frozenset({"sam_prompt"})


class Predictor(Protocol):
    """What ``remove`` asks of a session; those of streamcut and of rembg both fit."""

    def predict(self, img: Image.Image, *args: Any, **kwargs: Any) -> list[Image.Image]:
        """Return the masks of ``img``: mode L, its size, 255 where the subject is."""
        ...


class _Kept:
    """One session, with what it was made of; another one takes its place.

    A process that was forked makes its own: ONNX Runtime's threads stay with its parent.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made_of: object = None
        self._session: Predictor | None = None

    def session(self, options: Mapping[str, Any]) -> Predictor:
        """Return the session that some options ask for."""
        wanted = os.getpid(), dict(options)
        with self._lock:
            if self._session is None or not _same(self._made_of, wanted):
                self._session = None  # Not two models in memory at a time.
                self._session = _new_session(options)
                self._made_of = wanted
            return self._session

    def forget(self) -> None:
        """Let go of the session, and of a lock that another thread held before a fork."""
        self._lock, self._session = threading.Lock(), None


def default_session(options: Mapping[str, Any]) -> Predictor:
    """Return the session for a call without one.

    Args:
        options: the call's further keywords, as :func:`streamcut.new_session` takes them.

    Raises:
        ModelError: if it cannot be made.
    """
    return _kept.session({k: v for k, v in options.items() if k not in _NOT_THE_SESSIONS})


def _new_session(options: Mapping[str, Any]) -> Predictor:
    from streamcut.sessions import new_session  # It brings ONNX Runtime along.

    return new_session(**options)


def _same(one: object, other: object) -> bool:
    try:
        return bool(one == other)
    except ValueError:  # Arrays among them.
        return False


_kept = _Kept()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_kept.forget)
