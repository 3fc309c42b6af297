"""Closed-form matting and foreground colours as rembg has them: by pymatting, number for number.

What equals rembg's pixels needs pymatting's own code, which numba compiles when it is first
imported on a machine: about a minute, told in a log line. Everything else uses
:mod:`streamcut.matting`, which needs no compiler.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from streamcut.core.cache import make_room_for_numba
from streamcut.matting.closed_form import MattingError, check_shapes, unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

# Of numba's threading layers, "workqueue" (the only one in some macOS and Windows set-ups) aborts
# the whole process when two threads run parallel kernels at once.
_parallel_kernels = threading.Lock()

make_room_for_numba()


@cache
def announce_compiler() -> None:
    """Say, once, that pymatting is about to be compiled, if no compiled one is found."""
    if not _compiled():
        _log.warning("compiling pymatting, once on this machine: about a minute ...")


def _compiled() -> bool:
    """Whether numba has kept pymatting's compiled code, beside it or in the user's cache."""
    spec = find_spec("pymatting")
    homes = [Path(home) for home in (spec.submodule_search_locations or () if spec else ())]
    named = os.environ.get("NUMBA_CACHE_DIR")
    elsewhere = [Path(named)] if named else [Path(os.path.expanduser("~")) / ".cache" / "numba"]
    return any(
        next(folder.rglob("cf_laplacian*.nbi"), None) is not None
        for folder in [*homes, *elsewhere]
        if os.path.isdir(folder)
    )


def closed_form_alpha(picture: NDArray[Any], trimap: NDArray[Any]) -> NDArray[np.float64]:
    """Solve for the alpha of the unknown pixels (Levin et al. 2008, pymatting's solver).

    Takes some seconds for a 1920x1080 image, and over 400 bytes of memory per pixel.

    Args:
        picture: ``HxWx3`` RGB, unsigned integers over their full range or floats in 0..1.
        trimap: ``HxW``, 0 background, 255 foreground, else unknown, as ``trimap`` makes it.

    Returns:
        ``HxW`` float64 in 0..1, equal to the trimap where that is known.

    Raises:
        UsageError: The shapes do not fit each other.
        MattingError: Nothing is known foreground, nothing is known background, nothing is
            unknown, or the unknown pixels cannot be solved from the known ones.
    """
    check_shapes(picture, trimap)
    announce_compiler()
    from pymatting.alpha.estimate_alpha_cf import estimate_alpha_cf

    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            alpha: NDArray[np.float64] = estimate_alpha_cf(
                unit(picture),
                unit(trimap),
                preconditioner=_silent_ichol(),
                cg_kwargs={"callback": _stop_at_nan},
            )
    except ValueError as error:
        raise MattingError(f"closed-form matting found no alpha: {error}") from error
    return alpha


@cache
def _silent_ichol() -> Callable[..., Any]:
    """A copy of pymatting's ``ichol`` that prints nothing: stdout may carry a video."""
    from pymatting.preconditioner.ichol import ichol

    names = {**ichol.__globals__, "print": lambda *_: None}
    return FunctionType(ichol.__code__, names, "ichol", ichol.__defaults__)


def _stop_at_nan(a: Any, x: Any, b: Any, norm_b: float, r: Any, norm_r: float) -> None:
    """End a solve that has failed; pymatting would run its 10000 rounds on NaN first."""
    if np.isnan(norm_r):
        raise ValueError("no unknown pixel is tied to the known foreground")


def estimate_foreground(picture: NDArray[Any], alpha: NDArray[Any]) -> NDArray[np.float32]:
    """Estimate the colours of the subject alone, without what shows through its soft edges.

    Multi-level estimation (Germer et al. 2020, pymatting). Safe to call from several threads,
    which then take turns.

    Args:
        picture: ``HxWx3`` RGB, unsigned integers over their full range or floats in 0..1.
        alpha: ``HxW``, unsigned integers over their full range or floats in 0..1.

    Returns:
        ``HxWx3`` float32 RGB in 0..1, not multiplied by alpha.

    Raises:
        UsageError: The shapes do not fit each other.
    """
    check_shapes(picture, alpha)
    if alpha.size == 1:  # pymatting divides by the number of its levels, here 0
        return unit(picture).astype(np.float32)
    announce_compiler()
    from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml

    with _one_kernel_on_one_thread():
        foreground: NDArray[np.float32] = estimate_foreground_ml(unit(picture), unit(alpha))
    return foreground


@contextmanager
def _one_kernel_on_one_thread() -> Iterator[None]:
    """Run numba's parallel kernels serially, here and across threads.

    Only small resizing loops are parallel in this estimation. On a busy machine, as beside a
    decoder and an encoder, waiting for their threads more than doubles its time.
    """
    import numba

    with _parallel_kernels:
        before = numba.get_num_threads()
        numba.set_num_threads(1)
        try:
            yield
        finally:
            numba.set_num_threads(before)
