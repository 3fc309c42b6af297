"""The stages of the embedded network's training, with their settings.

First single images, a great many of them; then short clips in turn with
images, so that the memory learns to hold still and a single photograph stays
as good as it was. The stages "people" do the same from a pretrained encoder, on
images from many sources, "people-clean" on better labels of these, "rounded" with the
arithmetic of 8-bit integers (`rounding`) and more pixels. A fine-tuning
stage goes gently over your own images.
"""

from __future__ import annotations

from dataclasses import replace

from streamcut.training.batches import BatchPlan
from streamcut.training.casting import Mixture
from streamcut.training.loop import TrainingStage
from streamcut.training.losses import LossWeights

CLIP_SIZES = ((144, 256), (144, 256), (160, 224), (192, 160), (224, 144))

CLIPS = BatchPlan(
    batch_size=5,
    frames=6,
    sizes=CLIP_SIZES,
    mixture=Mixture(labelled=0.30, unlabelled=0.0, empty=0.05, occluder=0.25),
)

LONG_CLIPS = BatchPlan(
    batch_size=3,
    frames=12,
    sizes=CLIP_SIZES,
    mixture=Mixture(labelled=0.25, unlabelled=0.0, empty=0.10, clutter=0.45, occluder=0.25),
)

# Places without anybody, and cluttered ones, are where the first stages left most to learn.
EMPTIER = BatchPlan(mixture=Mixture(empty=0.15, clutter=0.45))

# Sizes for live work, and those for files: the same weights do both.
LIVE_SIZES = (
    (112, 192), (112, 208), (128, 192), (128, 176), (144, 144), (176, 128), (192, 112), (144, 256),
)  # fmt: skip
FILE_SIZES = ((224, 400), (240, 320), (208, 368), (272, 272), (320, 240), (256, 400))

# With 8-bit integers, which leave time for more pixels.
QUANTIZED_LIVE_SIZES = (
    (176, 320), (176, 320), (192, 288), (160, 352), (240, 240), (208, 272), (320, 176), (272, 208),
    (144, 256), (192, 336),
)  # fmt: skip
QUANTIZED_FILE_SIZES = (
    (240, 432), (288, 512), (256, 448), (336, 448), (352, 352), (448, 256), (512, 288), (320, 480),
    (288, 512),
)  # fmt: skip

PEOPLE = Mixture(labelled=0.72, unlabelled=0.0, empty=0.09, beside=0.45, clutter=0.15)
SMALL = BatchPlan(batch_size=24, sizes=LIVE_SIZES, mixture=PEOPLE)
LARGE = BatchPlan(batch_size=8, sizes=FILE_SIZES, mixture=PEOPLE)
FILMED = BatchPlan(
    batch_size=4,
    frames=6,
    sizes=LIVE_SIZES,
    mixture=replace(PEOPLE, labelled=0.65, occluder=0.15),
)

# The same on a pack whose labels were doubted and that was hardened: more places without anybody
# and with things in them, longer clips, and clips at sizes for files.
ROOMS = replace(PEOPLE, labelled=0.66, empty=0.18, clutter=0.4, occluder=0.15)
FILMED_ROOMS = replace(ROOMS, labelled=0.7, empty=0.1)
CLEAN = (
    replace(SMALL, mixture=ROOMS),
    replace(LARGE, mixture=ROOMS),
    BatchPlan(batch_size=3, frames=8, sizes=LIVE_SIZES, mixture=FILMED_ROOMS),
    replace(SMALL, mixture=ROOMS),
    BatchPlan(batch_size=2, frames=4, sizes=FILE_SIZES, mixture=FILMED_ROOMS),
)

ROUNDED = (
    BatchPlan(batch_size=12, sizes=QUANTIZED_LIVE_SIZES, mixture=ROOMS),
    BatchPlan(batch_size=5, sizes=QUANTIZED_FILE_SIZES, mixture=ROOMS),
    BatchPlan(batch_size=2, frames=6, sizes=QUANTIZED_LIVE_SIZES, mixture=FILMED_ROOMS),
    BatchPlan(batch_size=12, sizes=QUANTIZED_LIVE_SIZES, mixture=ROOMS),
    BatchPlan(batch_size=1, frames=5, sizes=QUANTIZED_FILE_SIZES, mixture=FILMED_ROOMS),
)

STAGES = {
    "people": TrainingStage(
        minutes=60.0,
        warmup=20,
        rate=1e-3,
        encoder_share=0.3,
        frozen=4,
        final_rate=2.5e-4,
        plans=(SMALL, LARGE),
        losses=LossWeights(veil=0.3),
        smoothing=0.993,
    ),
    "people-clips": TrainingStage(
        minutes=45.0,
        warmup=30,
        rate=6e-4,
        encoder_share=0.3,
        frozen=4,
        final_rate=2e-5,
        plans=(SMALL, LARGE, SMALL, FILMED),
        losses=LossWeights(veil=0.5, steady=2.0),
        smoothing=0.996,
    ),
    "people-clean": TrainingStage(
        minutes=140.0,
        warmup=10,
        rate=3.5e-4,
        encoder_share=0.3,
        frozen=4,
        final_rate=1e-5,
        plans=CLEAN,
        losses=LossWeights(veil=1.0, steady=2.0),
        smoothing=0.999,
        echo=False,
    ),
    "rounded": TrainingStage(
        minutes=105.0,
        warmup=60,
        rate=2e-4,
        encoder_share=0.3,
        frozen=2,
        final_rate=1e-5,
        plans=ROUNDED,
        losses=LossWeights(veil=1.0, steady=2.0),
        smoothing=0.998,
        echo=False,
        quantized=True,
    ),
    "stills": TrainingStage(minutes=30.0, rate=1.2e-3, final_rate=5e-4),
    "clips": TrainingStage(
        minutes=70.0,
        rate=8e-4,
        final_rate=2e-5,
        plans=(CLIPS, BatchPlan(), BatchPlan()),
        losses=LossWeights(steady=4.0),
    ),
    "steady": TrainingStage(
        minutes=90.0,
        rate=5e-4,
        final_rate=2e-5,
        plans=(LONG_CLIPS, EMPTIER),
        losses=LossWeights(steady=4.0),
    ),
    "fine-tune": TrainingStage(
        minutes=10.0, rate=1e-4, final_rate=1e-5, plans=(BatchPlan(batch_size=8),)
    ),
}


def stage_named(name: str, **changes: object) -> TrainingStage:
    """A stage of the recipe with some settings changed; None leaves a setting alone."""
    wanted = {key: value for key, value in changes.items() if value is not None}
    return replace(STAGES[name], **wanted)  # type: ignore[arg-type]
