"""Stills through the chain: what they look like, and what is kept of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.image_files import display_p3
from helpers.media import Brightness
from helpers.photographs import PHOTOGRAPHS
from PIL import Image

from streamcut import BaseSession, remove_image
from streamcut.core.config import Settings
from streamcut.core.errors import UsageError
from streamcut.jobs.still import StillJob
from streamcut.media.still import Still
from streamcut.media.stills import read_still


def photo(height: int = 60, width: int = 80) -> Still:
    """A bright block at rows 20 to 39, columns 30 to 59, on a dark ground."""
    y, x = np.mgrid[:height, :width]
    pixels = np.dstack([20 + x // 4, 30 + y // 4, 25 + 0 * x]).astype(np.uint8)
    pixels[20:40, 30:60] = (230, 190, 210)
    return Still(pixels, b"a profile", (300.0, 300.0), ("a note",))


Under = tuple[int, int, int, int]


def cut(still: Still, under: Under | None = None, **options: object) -> Still:
    settings = Settings().with_options({"min_area": 0.0} | options)
    return StillJob(settings, under=under, session=Brightness(1)).cut(still)


def test_the_subject_is_untouched_and_the_rest_is_gone() -> None:
    made = cut(photo())
    assert made.pixels.shape == (60, 80, 4)
    assert (made.pixels[22:38, 33:57] == (230, 190, 210, 255)).all()
    assert not made.pixels[:15].any()  # Neither alpha nor colour: nothing that could be recovered.
    assert (made.icc, made.dpi, made.notes) == (b"a profile", (300.0, 300.0), ("a note",))


def test_looks() -> None:
    over = cut(photo(), background="#0000ff").pixels
    assert over.shape == (60, 80, 3)
    assert (over[5, 5] == (0, 0, 255)).all()
    mask = cut(photo(), only_mask=True)
    assert mask.pixels.shape == (60, 80)
    assert (mask.pixels[30, 45], mask.pixels[5, 5], mask.icc) == (255, 0, None)


def test_its_own_alpha_stays() -> None:
    opacity = np.full((60, 80, 1), 255, np.uint8)
    opacity[:, 45:] = 0
    made = cut(Still(np.dstack([photo().pixels, opacity]))).pixels
    assert made[30, 40, 3] == 255
    assert made[30, 50, 3] == 0


def test_trimming_leaves_a_margin() -> None:
    made = cut(photo(), trim=True, margin=10.0)
    assert made.size == pytest.approx((36, 26), abs=4)
    assert cut(Still(np.zeros((9, 9, 3), np.uint8)), trim=True).size == (9, 9)


def test_size_and_colour_below() -> None:
    made = cut(photo(), under=(255, 0, 0, 128), size="50%")
    assert made.size == (40, 30)
    assert abs(int(made.pixels[2, 2, 3]) - 128) <= 1
    assert (made.pixels[2, 2, :3] == (255, 0, 0)).all()
    assert cut(photo(), under=(255, 0, 0, 255)).pixels.shape == (60, 80, 3)


def test_files(tmp_path: Path) -> None:
    Image.fromarray(photo().pixels).save(tmp_path / "a.png", dpi=(200, 200))
    summary = remove_image(tmp_path / "a.png", tmp_path / "b.webp", session=Brightness(1))
    assert (summary.width, summary.height) == (80, 60)
    assert summary.bytes == (tmp_path / "b.webp").stat().st_size
    with pytest.raises(UsageError, match="cannot hold alpha"):
        remove_image(tmp_path / "a.png", tmp_path / "b.jpg", session=Brightness(1))


def test_extras_ask_the_model_itself() -> None:
    class Pointed(Brightness):
        def predict(self, img: Image.Image, *args: object, **kwargs: object) -> list[Image.Image]:
            assert kwargs == {"at": [1, 2]}
            return [Image.new("L", img.size, 255)]

    made = StillJob(session=Pointed(), extras={"at": [1, 2]}).cut(photo())
    assert (made.pixels[..., 3] == 255).all()


def test_a_session_of_rembgs_kind_is_asked_for_its_mask() -> None:
    class Masks(BaseSession):
        def __init__(self) -> None:
            self.model_name = "masks"

        def predict(self, img: Image.Image, *args: object, **kwargs: object) -> list[Image.Image]:
            return [Image.new("L", img.size, 255)]

    assert (StillJob(session=Masks()).cut(photo()).pixels[..., 3] == 255).all()


def test_matting_needs_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pymatting", None)
    made = cut(photo(), matting="every").pixels
    assert made[30, 45, 3] == 255
    assert made[5, 5, 3] == 0


def test_what_lies_behind_has_the_colours_of_its_own() -> None:
    """Numbers of Display P3 are not those of sRGB: where both meet, all becomes sRGB."""
    still = read_still(PHOTOGRAPHS["PNG palette in Display P3"].make())
    alone = cut(still)
    assert alone.icc == display_p3()
    assert tuple(alone.pixels[50, 70]) == (240, 240, 240, 255)
    over = cut(still, background="#0000ff")
    assert over.icc is None
    assert tuple(over.pixels[5, 5]) == (0, 0, 255)
    assert cut(still, background="blur").icc == display_p3()
    under = cut(still, under=(0, 0, 255, 255))
    assert under.icc is None


def two(height: int = 60, width: int = 80) -> Still:
    """A large block on the left, a small one on the right."""
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels[15:45, 10:35] = pixels[10:22, 60:68] = 220
    return Still(pixels)


@pytest.mark.parametrize(
    ("keep", "left", "right"),
    [
        ("all", 255, 255),
        ("main", 255, 0),
        ("0.8,0.25", 0, 255),
        ("64,15", 0, 255),
        ("20,30", 255, 0),
    ],
)
def test_bystanders_are_left_out_of_stills_too(keep: str, left: int, right: int) -> None:
    made = cut(two(), keep=keep, only_mask=True).pixels
    assert (made[30, 20], made[16, 64]) == (left, right)


def test_the_network_does_not_see_the_bars_of_a_still() -> None:
    """White bars would be bright, and so part of the subject."""
    boxed = photo(120, 160)
    boxed.pixels[:15] = boxed.pixels[105:] = 255
    seen: list[tuple[int, ...]] = []

    class Seeing(Brightness):
        def predict(self, *args: object, **kwargs: object) -> list[Image.Image]:
            raise AssertionError("a stream is asked")

        def input_size(self, width: int, height: int) -> tuple[int, int]:
            seen.append((width, height))
            return width // 2, height // 2

    settings = Settings().with_options({"min_area": 0.0, "only_mask": True})
    made = StillJob(settings, session=Seeing(2)).cut(boxed).pixels
    assert seen == [(160, 90)]
    assert made[:15].max() == made[105:].max() == 0
    assert made[30, 45] == 255
