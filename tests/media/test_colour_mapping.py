"""Light and primaries by the standards' own figures; the table that whole frames go through."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest
from helpers.media import views

from streamcut.media.colour import Colour
from streamcut.media.colour_mapping import ColourMapping
from streamcut.media.convert import Converter, Matching
from streamcut.media.light import to_light, to_signal, white_signal
from streamcut.media.lut import Lut

SRGB, SDR, WIDE = Colour(1, 13, 0, 2), Colour(1, 1, 1, 1), Colour(9, 14, 9, 1)
PQ, HLG, P3 = Colour(9, 16, 9, 1), Colour(9, 18, 9, 1), Colour(12, 1, 1, 1)
ALL = {"sdr": SDR, "srgb": SRGB, "2020": WIDE, "pq": PQ, "hlg": HLG, "p3": P3}


def mapped(source: Colour, target: Colour, *rgb: float) -> Any:
    mapping = ColourMapping.between(source, target)
    assert mapping is not None
    return mapping(np.array(rgb))


@pytest.mark.parametrize(
    ("light", "signal"),
    # SMPTE ST 2084 as ITU-R BT.2408, table 1, and BT.2390 give it.
    [(0, 0.0), (100, 0.508), (203, 0.5807), (1000, 0.752), (4000, 0.9026), (10_000, 1.0)],
)
def test_pq(light: float, signal: float) -> None:
    assert to_signal(np.full(3, light), 16) == pytest.approx(np.full(3, signal), abs=5e-4)
    assert to_light(np.full(3, signal), 16) == pytest.approx(np.full(3, light), rel=5e-3, abs=1e-3)


@pytest.mark.parametrize(
    ("light", "signal"),
    # ITU-R BT.2408, table 1: grey card, white and peak of a display of 1000 cd/m2.
    [(0, 0.0), (26, 0.38), (203, 0.75), (1000, 1.0)],
)
def test_hlg(light: float, signal: float) -> None:
    assert to_signal(np.full(3, light), 18) == pytest.approx(np.full(3, signal), abs=4e-3)
    assert to_light(np.full(3, signal), 18) == pytest.approx(np.full(3, light), rel=2e-2, abs=1e-6)


@pytest.mark.parametrize("transfer", [1, 4, 5, 6, 8, 9, 13, 14, 16, 17, 18, 99])
def test_light_and_back(transfer: int) -> None:
    signal = np.random.default_rng(0).random((200, 3))
    assert to_signal(to_light(signal, transfer), transfer) == pytest.approx(signal, abs=1e-6)
    assert white_signal(transfer) == pytest.approx(
        {16: 0.5807, 18: 0.75}.get(transfer, 1), abs=1e-3
    )


@pytest.mark.parametrize("source", ALL.values(), ids=ALL)
@pytest.mark.parametrize("target", ALL.values(), ids=ALL)
def test_white_is_white(source: Colour, target: Colour) -> None:
    white, wanted = white_signal(source.transfer), white_signal(target.transfer)
    mapping = ColourMapping.between(source, target)
    if mapping is not None:
        assert mapping(np.full(3, white)) == pytest.approx(np.full(3, wanted), abs=1e-6)
        assert mapping(np.zeros(3)) == pytest.approx(np.zeros(3), abs=1e-6)


def test_primaries() -> None:
    """ITU-R BT.2087: linear BT.709 red is .6274, .0691, .0164 in BT.2020."""
    linear = to_light(mapped(SRGB, PQ, 1, 0, 0), 16) / 203
    assert linear == pytest.approx(np.array((0.6274, 0.0691, 0.0164)), abs=2e-4)
    linear = to_light(mapped(SRGB, HLG, 0, 1, 0), 18) / 203
    assert linear == pytest.approx(np.array((0.3293, 0.9195, 0.0880)), abs=2e-4)
    assert mapped(SRGB, WIDE, 1, 0, 0) ** 2.4 == pytest.approx(
        np.array((0.6274, 0.0691, 0.0164)), abs=2e-4
    )


@pytest.mark.parametrize("target", [PQ, HLG, WIDE], ids=["pq", "hlg", "2020"])
def test_sdr_comes_back(target: Colour) -> None:
    signal = np.random.default_rng(1).random((500, 3))
    there = ColourMapping.between(SDR, target)
    back = ColourMapping.between(target, SDR)
    assert there is not None
    assert back is not None
    assert back(there(signal)) == pytest.approx(signal, abs=2e-3)


def test_brighter_than_white_keeps_its_hue() -> None:
    for light in ((1000.0, 1000.0, 1000.0), (4000.0, 2000.0, 2000.0)):
        assert mapped(PQ, SDR, *to_signal(np.array(light), 16)).max() == pytest.approx(1)
    made = mapped(PQ, SDR, *to_signal(np.array((400.0, 300.0, 300.0)), 16)) ** 2.4
    assert made[1:] / made[0] == pytest.approx(np.array((0.617, 0.640)), abs=2e-3)


def test_out_of_gamut_becomes_paler_at_its_luminance() -> None:
    green = mapped(WIDE, SDR, 0, 0.5, 0)
    assert green.min() == 0
    assert green.argmax() == 1
    luminance = green**2.4 @ np.array((0.2126, 0.7152, 0.0722))
    assert luminance == pytest.approx(0.6780 * 0.5**2.4, rel=1e-2)


@pytest.mark.parametrize(
    ("source", "target"),
    [(SDR, SRGB), (SDR, Colour()), (Colour(6, 6, 6, 1), SRGB), (PQ, PQ), (HLG, Colour(2, 18, 9))],
)
def test_what_stays_as_it_is(source: Colour, target: Colour) -> None:
    assert ColourMapping.between(source, target) is None


@pytest.mark.parametrize(
    ("source", "target", "most"),
    [(SRGB, PQ, 1.0), (SRGB, HLG, 3.0), (SDR, WIDE, 2.0), (WIDE, PQ, 0.3), (HLG, PQ, 6.0)],
)
def test_the_table_is_the_mapping(source: Colour, target: Colour, most: float) -> None:
    """In code values of ten bits; the mean is a twentieth of one."""
    mapping = ColourMapping.between(source, target)
    assert mapping is not None
    codes = np.random.default_rng(2).integers(0, 65536, (64, 256, 3)).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(codes, "rgb48le").reformat(format="gbrp16le")
    green, blue, red = views(Lut(mapping)(frame))
    far = np.abs(np.stack([red, green, blue], axis=-1) / 65535 - mapping(codes / 65535)) * 876
    assert far.max() < most
    assert far.mean() < 0.1


@pytest.mark.parametrize("source", [SDR, PQ], ids=["sdr", "pq"])
def test_frames_are_matched(source: Colour) -> None:
    """White in YUV of other depths and ranges, through the table."""
    frame = av.VideoFrame(64, 48, "yuv420p10le")
    for plane, code in zip(views(frame), (573 if source is PQ else 940, 512, 512), strict=True):
        plane[:] = code
    source.apply(frame)
    wants = {"yuv420p": 235, "yuv422p10le": 940, "gbrp": 255, "gbrp12le": 4095}
    for name, want in wants.items():
        made = Matching(name, SDR, size=(32, 24))(frame)
        assert np.abs(views(made)[0].astype(int) - want).max() <= max(1, want >> 8)
    for target, want in ((PQ, 573), (HLG, 721)):
        made = Matching("yuv444p10le", target, size=(32, 24))(frame)
        assert np.abs(views(made)[0].astype(int) - want).max() <= 1


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_deep_rgb_is_exact(bits: int) -> None:
    """FFmpeg's own scaler makes 943 of white, and 1020 of it the other way."""
    top, levels = (1 << bits) - 1, np.linspace(0, 1, 64)
    frame = av.VideoFrame(64, 16, f"gbrap{bits}le")
    for plane in views(frame):
        plane[:] = np.rint(levels * top)
    Colour(1, 1, 0, 2).apply(frame)
    planes = views(Converter("yuva444p10le", SDR)(frame))
    assert np.abs(planes[0] - (64 + 876 * levels)).max() <= 1
    assert np.abs(planes[3] - 1023 * levels).max() <= 1
    made = Converter("yuva444p10le", SDR)(frame)
    back = Converter(f"gbrap{bits}le", Colour(1, 1, 0, 2))(made)
    for plane in views(back):
        assert np.abs(plane / top - levels).max() < 1.5 / 876
        assert (plane[:, 0] == 0).all()
        assert (plane[:, -1] == top).all()
    deep = Converter("rgba64be", Colour(1, 1, 0, 2))(made).to_ndarray()
    assert (deep[:, -1] == 65535).all()
    assert (deep[:, 0] == 0).all()
