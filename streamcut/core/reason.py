"""Why something failed, as the error itself says it."""

from __future__ import annotations


def reason(error: BaseException) -> str:
    """Return an error's own words without the number and path around them."""
    return getattr(error, "strerror", None) or str(error)
