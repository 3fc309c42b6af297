"""Loaded models: those used last are kept, so that requests need not load them again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from fastapi import HTTPException

from streamcut.core.config import Settings
from streamcut.jobs.request import device_of
from streamcut.sessions import CATALOG, BaseSession, new_session, session_options

_KEPT = 2  # Models in memory: large ones take a gigabyte.


class Sessions:
    """Makes sessions by a model's name and keeps the latest.

    Args:
        settings: the default model, where it runs and where its file comes from.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, BaseSession] = OrderedDict()

    @property
    def default(self) -> str:
        """The model of requests that name none."""
        return self._settings.matte.model

    @property
    def names(self) -> list[str]:
        """The models that clients may name: none of them by a path."""
        # What learns the empty room cannot see one from a single upload.
        named = [model.name for model in CATALOG if model.name != "difference"]
        return named if self.default in named or "." in self.default else [self.default, *named]

    def get(self, model: str = "", **options: Any) -> BaseSession:
        """Return the session of a model, loading it (and fetching its file) if need be.

        Args:
            model: its name, or nothing for the default one.
            **options: what the model takes of its own.

        Raises:
            HTTPException: 404 if no model has that name.
            ModelError: if it cannot be had.
        """
        name = model or self.default
        if model and model != self.default and model not in self.names:
            raise HTTPException(404, "no model has that name")
        key = (name, repr(sorted(options.items())))
        with self._lock:  # A model that two ask for is loaded once.
            if key not in self._kept:
                while len(self._kept) >= _KEPT:
                    self._kept.popitem(last=False)
                self._kept[key] = self._made(name, options)
            self._kept.move_to_end(key)
            return self._kept[key]

    def _made(self, name: str, options: dict[str, Any]) -> BaseSession:
        return new_session(
            name,
            sess_opts=session_options(self._settings.run.threads),
            device=device_of(self._settings),
            mirror=self._settings.weights.mirror,
            **options,
        )
