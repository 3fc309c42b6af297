"""The error tree, each error a fitting builtin too, and public names that say what they are."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

import streamcut
from streamcut.core import errors

TREE = {
    "StreamcutError": (Exception, 1),
    "UsageError": (ValueError, 2),
    "ConfigError": (ValueError, 2),
    "SourceError": (OSError, 1),
    "SinkError": (OSError, 1),
    "OutputExistsError": (FileExistsError, 1),
    "OutputClosedError": (BrokenPipeError, 1),
    "ModelError": (RuntimeError, 1),
    "MissingDependencyError": (ImportError, 1),
    "ResourcesError": (MemoryError, 1),
}


def test_the_tree_is_whole() -> None:
    found = {
        name
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, BaseException)
    }
    assert found == set(TREE)
    assert all(name in (errors.__doc__ or "") for name in found)


@pytest.mark.parametrize("name", TREE)
def test_each_error_is_streamcut_s_and_a_builtin_and_keeps_its_words(name: str) -> None:
    builtin, code = TREE[name]
    kind = getattr(errors, name)
    assert issubclass(kind, errors.StreamcutError)
    assert issubclass(kind, builtin)
    assert kind.exit_code == code
    assert str(kind("one line")) == "one line"
    assert str(pickle.loads(pickle.dumps(kind("one ", errors.Named("line"))))) == "one line"


def test_a_setting_in_a_message_can_be_spelt_another_way() -> None:
    error = errors.SinkError("try ", errors.Named("audio", False), " or ", errors.Named("codec"))
    assert str(error) == "try audio=False or codec"
    assert error.told(lambda named: f"<{named.name}>") == "try <audio> or <codec>"


@pytest.mark.parametrize("name", streamcut.__all__)
def test_each_public_name_exists_and_is_explained(name: str) -> None:
    thing = getattr(streamcut, name)
    assert re.match(r"\S.*\.", inspect.getdoc(thing) or ""), f"{name} has no docstring"


@pytest.mark.parametrize("name", streamcut.__all__)
def test_each_public_method_is_explained(name: str) -> None:
    for member, thing in getattr(getattr(streamcut, name), "__dict__", {}).items():
        if inspect.isfunction(thing) and not member.startswith("_"):
            assert inspect.getdoc(thing), f"{name}.{member} has no docstring"


def test_public_names_are_sorted_and_all_that_is_offered() -> None:
    assert streamcut.__all__ == sorted(streamcut.__all__)
    assert set(streamcut.__all__) <= set(dir(streamcut))
    assert set(streamcut._HOMES) <= set(streamcut.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = streamcut.nonsense
