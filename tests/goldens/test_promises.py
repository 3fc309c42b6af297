"""What programs that use streamcut rely on: its public names, and the keys of its JSON."""

from __future__ import annotations

from dataclasses import fields

import streamcut


def test_the_public_names() -> None:
    """Nothing goes without a word in the changelog; what is new is added here."""
    assert set(streamcut.__all__) >= {
        "BaseSession",
        "ConfigError",
        "Job",
        "MissingDependencyError",
        "ModelError",
        "OutputClosedError",
        "OutputExistsError",
        "Settings",
        "SinkError",
        "SourceError",
        "StreamcutError",
        "Summary",
        "UsageError",
        "new_session",
        "remove",
        "remove_video",
    }


def test_the_keys_of_a_summary() -> None:
    assert {field.name for field in fields(streamcut.Summary)} >= {
        "input",
        "output",
        "frames",
        "seconds",
        "fps",
        "speed",
        "bytes",
        "dropped",
        "undecodable",
        "stages",
        "notes",
        "device",
    }
