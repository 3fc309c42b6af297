"""What strangers have written reaches a terminal in one harmless line."""

from __future__ import annotations

import pytest

from streamcut.core.text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Füße 2026-11-25 à\u202f12.30 👩\u200d💻", "Füße 2026-11-25 à\u202f12.30 👩\u200d💻"),
        ("\x1b[31m\r\n\t\x00\x7f", "\\x1b[31m\\r\\n\\t\\x00\\x7f"),
        ("\x9b31m\u2028", "\\x9b31m\\u2028"),
        ("gpj.\u202e4pm", "gpj.\\u202e4pm"),
        ("undecodable \udcff", "undecodable \\udcff"),
    ],
)
def test_control_characters_are_spelt_out(text: str, shown: str) -> None:
    assert printable(text) == shown
