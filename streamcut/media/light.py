"""What code values stand for: transfer functions between signals and light.

Light is what a display shows, linear, in cd/m2. SDR white, a diffuse white surface in HDR, is
:data:`WHITE` (ITU-R BT.2408): 58% of a PQ signal and 75% of an HLG one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamcut.media.colour import Transfer

Floats = NDArray[np.float64]

WHITE = 203.0
"""HDR reference white, cd/m2 (ITU-R BT.2408): what SDR white is shown as beside HDR."""

HLG_PEAK = 1000.0
"""What a nominal HLG display shows at most, cd/m2."""

PQ_PEAK = 10_000.0
"""The light of the largest PQ signal, cd/m2."""

_DISPLAY_GAMMA = 2.4
"""ITU-R BT.1886, of displays for BT.601, BT.709 and BT.2020, with a black of 0."""

_GAMMAS: dict[int, float] = {Transfer.GAMMA22: 2.2, Transfer.GAMMA28: 2.8, Transfer.LINEAR: 1.0}

# SMPTE ST 2084, as in ITU-R BT.2100, table 4.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32

# ITU-R BT.2100, table 5: hybrid log-gamma and its system gamma on a display of 1000 cd/m2.
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_SYSTEM_GAMMA = 1.2
_LUMINANCE = np.array((0.2627, 0.6780, 0.0593))


def is_hdr(transfer: int) -> bool:
    """Whether signals may stand for more light than :data:`WHITE`."""
    return transfer in (Transfer.PQ, Transfer.HLG)


def to_light(signal: Floats, transfer: int) -> Floats:
    """Return the light, cd/m2, of RGB signals.

    Args:
        signal: [..., 3], 0 to 1.
        transfer: of :class:`~streamcut.media.colour.Transfer`; what is not named here is taken for
            an SDR signal, shown as ITU-R BT.1886 says.
    """
    if transfer == Transfer.PQ:
        return _pq_to_light(signal)
    if transfer == Transfer.HLG:
        return _hlg_to_light(signal)
    if transfer == Transfer.SRGB:
        return WHITE * _srgb_to_linear(signal)
    return np.asarray(WHITE * np.power(signal, _GAMMAS.get(transfer, _DISPLAY_GAMMA)))


def to_signal(light: Floats, transfer: int) -> Floats:
    """Return the RGB signals, [..., 3], of light, not negative, in cd/m2: see :func:`to_light`."""
    if transfer == Transfer.PQ:
        return _light_to_pq(light)
    if transfer == Transfer.HLG:
        return _light_to_hlg(light)
    if transfer == Transfer.SRGB:
        return _linear_to_srgb(light / WHITE)
    gamma = _GAMMAS.get(transfer, _DISPLAY_GAMMA)
    return np.asarray(np.power(light / WHITE, 1 / gamma))


def white_signal(transfer: int) -> float:
    """Return the signal of :data:`WHITE`: 1 in SDR."""
    return float(to_signal(np.full(3, WHITE), transfer)[0])


def _pq_to_light(signal: Floats) -> Floats:
    power = np.power(signal, 1 / _M2)
    share = np.maximum(power - _C1, 0) / (_C2 - _C3 * power)
    return np.asarray(PQ_PEAK * np.power(share, 1 / _M1))


def _light_to_pq(light: Floats) -> Floats:
    power = np.power(np.minimum(light / PQ_PEAK, 1), _M1)
    return np.asarray(np.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2))


def _hlg_to_light(signal: Floats) -> Floats:
    """Invert the OETF, then apply the OOTF, which raises luminance alone to the system gamma."""
    upper = (np.exp((signal - _C) / _A) + _B) / 12
    scene = np.where(signal <= 0.5, signal * signal / 3, upper)
    return np.asarray(HLG_PEAK * scene * np.power(_luminance(scene), _SYSTEM_GAMMA - 1))


def _light_to_hlg(light: Floats) -> Floats:
    share = np.minimum(light / HLG_PEAK, 1)
    luminance = np.maximum(_luminance(share), 1e-12)
    scene = np.clip(share * np.power(luminance, 1 / _SYSTEM_GAMMA - 1), 0, 1)
    upper = _A * np.log(np.maximum(12 * scene - _B, 1e-12)) + _C
    return np.asarray(np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper))


def _luminance(rgb: Floats) -> Floats:
    return np.asarray(rgb @ _LUMINANCE)[..., None]


def _srgb_to_linear(signal: Floats) -> Floats:
    """IEC 61966-2-1."""
    upper = np.power((signal + 0.055) / 1.055, 2.4)
    return np.asarray(np.where(signal <= 0.04045, signal / 12.92, upper))


def _linear_to_srgb(linear: Floats) -> Floats:
    upper = 1.055 * np.power(linear, 1 / 2.4) - 0.055
    return np.asarray(np.where(linear <= 0.0031308, linear * 12.92, upper))
