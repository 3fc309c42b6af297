"""Text as a terminal may be given it: names and messages come from strangers."""

from __future__ import annotations

import unicodedata

# Controls, halves of surrogate pairs (undecodable names), and what turns lines round or over.
_ESCAPED = {"Cc", "Cs", "Zl", "Zp", "Cf"}
_JOINERS = "\u200c\u200d"  # Belong to scripts and emoji.


def printable(text: object) -> str:
    r"""Return a text in one line, its control characters spelt out (``\x1b``).

    So no file name, tag or server can move a terminal's cursor, colour it, retitle its window,
    or pass for another line of ours.
    """
    return "".join(_spelt(letter) for letter in str(text))


def _spelt(letter: str) -> str:
    if unicodedata.category(letter) not in _ESCAPED or letter in _JOINERS:
        return letter
    return letter.encode("unicode_escape").decode("ascii")
