"""The sample aspect ratio of WebM and Matroska files, which PyAV has no way to set.

Their muxer reads it from a field of FFmpeg's ``AVStream`` that PyAV (18 and before) neither
fills nor exposes, though it does fill the encoder's. The field is public C API at a place that
is fixed within a major version of libavformat, so it is set there; but only where everything
else that is known of the stream is found around it.
"""

from __future__ import annotations

import ctypes
from fractions import Fraction

import av
from av.video.stream import VideoStream

_KNOWN = ("17.", "18.")  # Versions of PyAV; both bring libavformat 62.
_POINTER_AT = object.__basicsize__ + ctypes.sizeof(ctypes.c_void_p)  # After Cython's method table.


class _Rational(ctypes.Structure):
    _fields_ = (("num", ctypes.c_int), ("den", ctypes.c_int))


class _AVStream(ctypes.Structure):
    """The beginning of ``AVStream`` as libavformat/avformat.h declares it."""

    _fields_ = (
        ("av_class", ctypes.c_void_p),
        ("index", ctypes.c_int),
        ("id", ctypes.c_int),
        ("codecpar", ctypes.c_void_p),
        ("priv_data", ctypes.c_void_p),
        ("time_base", _Rational),
        ("start_time", ctypes.c_int64),
        ("duration", ctypes.c_int64),
        ("nb_frames", ctypes.c_int64),
        ("disposition", ctypes.c_int),
        ("discard", ctypes.c_int),
        ("sample_aspect_ratio", _Rational),
    )


def set_aspect(stream: VideoStream, aspect: Fraction) -> bool:
    """Set the sample aspect ratio of an output stream; return whether it could be set."""
    if not av.__version__.startswith(_KNOWN) or av.library_versions["libavformat"][0] != 62:
        return False
    address = ctypes.c_void_p.from_address(id(stream) + _POINTER_AT).value
    if not address:
        return False
    fields = _AVStream.from_address(address)
    if not _is(fields, stream):
        return False
    fields.sample_aspect_ratio = _Rational(aspect.numerator, aspect.denominator)
    return True


def _is(fields: _AVStream, stream: VideoStream) -> bool:
    """Whether memory holds what is known of a stream, and an unset ratio at the right place."""
    unit = stream.time_base or Fraction(0)
    found = (fields.index, fields.id, fields.time_base.num, fields.time_base.den)
    known = (stream.index, stream.id, unit.numerator, unit.denominator)
    ratio = fields.sample_aspect_ratio
    return found == known and (ratio.num, ratio.den) in ((0, 0), (0, 1))
