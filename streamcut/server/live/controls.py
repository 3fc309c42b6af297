"""What the page's sliders change: settings of a running job, beside its configuration file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fastapi import HTTPException

from streamcut.core.config import Settings
from streamcut.core.setting import Setting
from streamcut.jobs.live.controls import Watched
from streamcut.jobs.request import check_borders
from streamcut.server.sessions import Sessions

_SHOWN = ("model", "smooth", "flip", "feather", "expand", "contract", "threshold", "min_area")


class PageControls(Watched):
    """Settings with what the page has changed of them; stands where a file is followed.

    Args:
        settings: to begin with.
        path: of the configuration file that is followed too.
        read: reads it, with what overrides it.
    """

    def __init__(self, settings: Settings, path: Path, read: Callable[[], Settings]) -> None:
        super().__init__(path, read)
        self._base = settings
        self._changed: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._new = False

    @property
    def now(self) -> dict[str, Any]:
        """The values of what can be changed."""
        settings = self._settings()
        return {name: settings.value(name) for name in _SHOWN}

    @property
    def rows(self) -> list[Setting]:
        """What can be changed."""
        return [Settings.rows()[name] for name in _SHOWN]

    def change(self, given: Mapping[str, Any], sessions: Sessions) -> None:
        """Change settings; the job follows within a moment.

        Raises:
            HTTPException: if one is not for the page.
            UsageError: if one makes no sense.
        """
        if not given.keys() <= set(_SHOWN):
            raise HTTPException(400, "that cannot be changed here")
        model = given.get("model")
        if model is not None and model != self._base.matte.model and model not in sessions.names:
            raise HTTPException(404, "no model has that name")
        with self._lock:
            wanted = {**self._changed, **given}
            check_borders(self._base.with_options(wanted))
            self._changed, self._new = wanted, True

    def changed(self) -> Settings | None:
        """Return the settings if the page or the file has changed them since the last look.

        Raises:
            ConfigError: if the file is wrong.
        """
        read = super().changed()
        with self._lock:
            if read is not None:
                self._base = read
            elif not self._new:
                return None
            self._new = False
        return self._settings()

    def _settings(self) -> Settings:
        return self._base.with_options(self._changed)
