"""Colours of one video as they look in another: other primaries, another transfer, HDR and SDR.

Between SDR and HDR, SDR white and HDR reference white (203 cd/m2, ITU-R BT.2408) are the same, so
that what came from SDR goes back unchanged. In SDR nothing is brighter than that: a brighter
colour keeps its hue and becomes as bright as white allows. A colour outside the target's gamut
loses saturation, at its luminance, until it is inside.

Within SDR, code values of BT.601, BT.709 and sRGB are the same for players and browsers, and they
are here; wider primaries (BT.2020, P3) are converted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from streamcut.media.colour import Colour, Primaries, Transfer
from streamcut.media.light import HLG_PEAK, PQ_PEAK, WHITE, Floats, is_hdr, to_light, to_signal

Chromaticities = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
"""x and y of red, green and blue; white is D65."""

_BT709: Chromaticities = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_BT2020: Chromaticities = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_P3: Chromaticities = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_D65 = (0.3127, 0.3290)

# ITU-T H.273. The others are taken for BT.709, which they are close to. White stays white: that of
# DCI-P3, which is greener than D65, too.
_WIDE: dict[int, Chromaticities] = {
    Primaries.BT2020: _BT2020,
    Primaries.DCI_P3: _P3,
    Primaries.DISPLAY_P3: _P3,
}


_PEAKS: dict[int, float] = {Transfer.PQ: PQ_PEAK, Transfer.HLG: HLG_PEAK}


@dataclass(frozen=True, slots=True)
class ColourMapping:
    """Maps RGB signals of one colour to those that look the same in another.

    Attributes:
        source: whose primaries and transfer the signals have.
        target: whose they get.
    """

    source: Colour
    target: Colour

    @classmethod
    def between(cls, source: Colour, target: Colour) -> ColourMapping | None:
        """Return the mapping, or None where code values stay what they are."""
        source, target = _known(source), _known(target)
        hdr = is_hdr(source.transfer) or is_hdr(target.transfer)
        if not hdr:  # One curve for both: greys stay what they are.
            source = replace(source, transfer=Transfer.BT709)
            target = replace(target, transfer=Transfer.BT709)
        same = source.transfer == target.transfer
        return None if same and _primaries(source) == _primaries(target) else cls(source, target)

    def __call__(self, signal: Floats) -> Floats:
        """Return mapped signals, 0 to 1.

        Args:
            signal: RGB, [..., 3], 0 to 1.
        """
        light = to_light(signal, self.source.transfer) @ self._matrix.T
        shown = _inside(light, self._luminance, self.peak)
        return np.asarray(np.clip(to_signal(shown, self.target.transfer), 0, 1))

    @property
    def peak(self) -> float:
        """The most light that the target shows, cd/m2."""
        return _PEAKS.get(self.target.transfer, WHITE)

    @property
    def _matrix(self) -> Floats:
        target, source = _to_xyz(_primaries(self.target)), _to_xyz(_primaries(self.source))
        return np.asarray(np.linalg.solve(target, source))

    @property
    def _luminance(self) -> Floats:
        """How much of the target's red, green and blue light is luminance."""
        return np.asarray(_to_xyz(_primaries(self.target))[1])


def _known(colour: Colour) -> Colour:
    """Return a colour with what its tags leave open: HDR has the primaries of BT.2100."""
    primaries = colour.primaries
    if is_hdr(colour.transfer) and primaries == Primaries.UNSPECIFIED:
        primaries = Primaries.BT2020
    return Colour(primaries, colour.transfer)


def _primaries(colour: Colour) -> Chromaticities:
    return _WIDE.get(colour.primaries, _BT709)


def _to_xyz(primaries: Chromaticities) -> Floats:
    """Return the matrix from linear RGB to CIE XYZ, white at Y = 1 (SMPTE RP 177)."""
    columns = np.array([_xyz(point) for point in primaries]).T
    return np.asarray(columns * np.linalg.solve(columns, _xyz(_D65)))


def _xyz(point: tuple[float, float]) -> Floats:
    x, y = point
    return np.array((x / y, 1, (1 - x - y) / y))


def _inside(light: Floats, luminance: Floats, peak: float) -> Floats:
    """Return light without what cannot be shown: negative parts, and more than the peak."""
    grey, least = (light @ luminance)[..., None], light.min(axis=-1, keepdims=True)
    share = np.where(least < 0, grey / np.maximum(grey - least, 1e-12), 1)
    shown = np.maximum(grey + share * (light - grey), 0)
    most = shown.max(axis=-1, keepdims=True)
    return np.asarray(shown * (peak / np.maximum(most, peak)))
