"""`python -m streamcut.training`: one command a step."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from streamcut.core.errors import StreamcutError

if TYPE_CHECKING:
    from streamcut.training.network import PortraitNet

EXAMPLE = """\
A network of your own images, from the embedded one:

  python -m streamcut.training prepare --photos photos --masks masks --out pack
  python -m streamcut.training train --stage fine-tune --pack pack \\
      --start portrait --checkpoint mine.pt
  python -m streamcut.training export --checkpoint mine.pt --out mine.onnx
  python -m streamcut.training evaluate --pack pack mine.onnx portrait.onnx

photos/NAME.jpg is an image, masks/NAME.png its mask: white = person. A
photograph without a mask is labelled by the networks given as --teacher. Every
tenth labelled image and every fifth panorama is held out for `evaluate`.
Stopping `train` loses nothing: the same command resumes from its checkpoint.
"""

STAGE_NAMES = (
    *("stills", "clips", "steady", "people", "people-clips", "people-clean", "rounded"),
    "fine-tune",
)

EMBEDDED = Path(__file__).with_name("portrait.pt")
"""The embedded network's weights, to go on from; float16."""


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="python -m streamcut.training",
        description="Makes the portrait matting network that streamcut carries, or your own.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _prepare_options(commands.add_parser("prepare", help="build a pack from images and masks"))
    _label_options(commands.add_parser("label", help="make mattes by published networks"))
    _people_options(commands.add_parser("people", help="build a pack from sets with soft mattes"))
    _harden_options(commands.add_parser("harden", help="show more of what a network does badly"))
    _train_options(commands.add_parser("train", help="train or resume one stage"))
    _slim_options(commands.add_parser("slim", help="copy a checkpoint to a smaller file"))
    _export_options(commands.add_parser("export", help="write the ONNX file of a checkpoint"))
    _quantize_options(commands.add_parser("quantize", help="write an ONNX file in 8-bit integers"))
    _evaluate_options(commands.add_parser("evaluate", help="measure ONNX files on the held-out"))
    _sources_options(
        commands.add_parser("sources", help="measure ONNX files on each held-out source")
    )
    _clips_options(commands.add_parser("clips", help="make clips whose mattes are known exactly"))
    _card_options(commands.add_parser("card", help="put figures into a model card"))
    return top


def _prepare_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--photos", type=Path, required=True, help="folder of photographs of people")
    add("--masks", type=Path, help="folder of masks, NAME.png for a photograph NAME.*")
    add("--places", type=Path, help="folder of equirectangular panoramas (.hdr) without people")
    add("--teacher", type=Path, action="append", default=[], help="ONNX network; may be repeated")
    add("--out", type=Path, required=True, help="folder of the pack")
    add("--processes", type=int, default=None, help="worker processes (default: all cores)")


def _label_options(command: argparse.ArgumentParser) -> None:
    command.description = "Networks are names of `streamcut models`, or .onnx files."
    add = command.add_argument
    add("--photos", type=Path, required=True, help="folder of sets: SET/NAME.jpg, SET/NAME.mp4")
    add("--matting", default="rvm-mobilenetv3", help="matting network; default: %(default)s")
    add("--person", action="append", default=[], metavar="NETWORK", help="may be repeated")
    add("--object", action="append", default=[], metavar="NETWORK", help="default: u2netp")
    add("--out", type=Path, required=True, help="mattes/ and clips/ are written there")


def _people_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--photos", type=Path, required=True, help="folder of sets: SET/NAME.jpg")
    add("--mattes", type=Path, action="append", required=True, help="SET/NAME.webp; repeatable")
    add("--hold-out", action="append", default=[], metavar="SET", help="or SET/NAME...; repeatable")
    add("--skip", action="append", default=[], metavar="SET", help="or SET/NAME...; repeatable")
    add("--squashed", action="append", default=[], metavar="SET", help="stretched to a square")
    add("--clips", type=Path, help="folder of SET__NAME.npz: frames and alpha")
    add("--judge", type=Path, action="append", default=[], help="ONNX person network; repeatable")
    add("--masked", type=Path, help="folder with photos/ and masks/ of one person each to cut out")
    add("--places", type=Path, help="folder of equirectangular panoramas (.hdr) without people")
    add("--out", type=Path, required=True, help="folder of the pack")
    add("--processes", type=int, default=1)


def _harden_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--pack", type=Path, required=True, help="its index is changed")
    command.add_argument("--network", type=Path, required=True, help="ONNX file of what is trained")
    command.add_argument("--places", type=Path, help="folder of panoramas (.hdr) to find views in")
    command.add_argument("--once", action="append", default=[], metavar="SET", help="not repeated")


def _train_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--pack", type=Path, required=True)
    add("--checkpoint", type=Path, required=True, help="written often; resumed if it exists")
    add("--stage", choices=STAGE_NAMES, default="fine-tune")
    add(
        "--start",
        type=Path,
        help="weights to begin with: portrait (the embedded network's), a checkpoint, "
        "movenet-lightning.json (TensorFlow.js; its encoder), or the pilot's .onnx",
    )
    add("--minutes", type=float, help="how long (default: the stage's own)")
    add("--steps", type=int, help="how many steps, instead of --minutes")
    add("--rate", type=float, help="learning rate at the start")
    add("--threads", type=int, help="threads of PyTorch")
    add("--helpers", type=int, help="further processes that learn on the same weights")
    add("--seed", type=int, default=0)


def _slim_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--checkpoint", type=Path, required=True)
    command.add_argument("--out", type=Path, required=True, help="can be resumed like the first")


def _export_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--checkpoint", type=Path, required=True)
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--area", type=int, help="pixels to feed, kept in the metadata")


def _quantize_options(command: argparse.ArgumentParser) -> None:
    command.description = "For processors: half the time. Learn with --stage rounded before."
    command.add_argument("--network", type=Path, required=True, help="ONNX file that export wrote")
    command.add_argument("--pack", type=Path, required=True, help="its images decide the ranges")
    command.add_argument("--out", type=Path, required=True)


def _evaluate_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--pack", type=Path, required=True)
    command.add_argument("--json", type=Path, help="keep the figures for `card`")
    command.add_argument("networks", type=Path, nargs="+", help="ONNX files")


def _sources_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--pack", type=Path, required=True)
    command.add_argument("--most", type=int, default=60, help="images, or clips, of a source")
    command.add_argument("--area", type=int, help="pixels to feed, where a network takes any")
    command.add_argument("--json", type=Path, help="add the figures to this file, for `card`")
    command.add_argument("networks", nargs="+", help="ONNX files, or NAME=FILE")


def _clips_options(command: argparse.ArgumentParser) -> None:
    from streamcut.training.script import SCENES

    names = [scene.name for scene in SCENES]
    command.description = (
        "Writes, for each clip, NAME.mp4 (H.264), its true matte NAME_matte.mkv (FFV1, grey) and "
        "the true colours of the people NAME_foreground.mkv (FFV1, RGB, black where there are "
        "none). People and places are those that the pack holds out. Show a clip to "
        "`streamcut video`, and the result and the matte to `streamcut evaluate`."
    )
    command.add_argument("--pack", type=Path, required=True)
    command.add_argument("--out", type=Path, required=True, help="the folder to write to")
    command.add_argument("--size", default="1280x720", help="default: 1280x720")
    command.add_argument("--frames", type=int, default=72, help="of each clip; default: 72")
    command.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which clips (default: all): {', '.join(names)}"
    )


def _card_options(command: argparse.ArgumentParser) -> None:
    given = command.add_mutually_exclusive_group(required=True)
    given.add_argument("--json", type=Path, help="what `evaluate` wrote")
    given.add_argument("--sources", type=Path, help="what `sources` wrote")
    command.add_argument("--out", type=Path, required=True, help="the card, Markdown")


# -- commands: each imports what it needs, so --help works without the extra -------------------


def prepare(options: argparse.Namespace) -> None:
    """Build a pack."""
    from streamcut.training.prepare import Sources
    from streamcut.training.prepare import prepare as build

    sources = Sources(
        options.photos, options.masks, options.places, tuple(options.teacher)
    ).with_processes(options.processes)
    build(sources, options.out)


def train(options: argparse.Namespace) -> None:
    """Train or resume one stage."""
    import torch

    from streamcut.training.loop import Trainer
    from streamcut.training.loop import train as run
    from streamcut.training.recipe import stage_named

    torch.manual_seed(options.seed)
    names = ("minutes", "steps", "rate", "threads", "helpers", "seed")
    stage = stage_named(options.stage, **{name: getattr(options, name) for name in names})
    network = _begun(options.checkpoint, options.start)
    run(Trainer(network, stage), options.pack, options.checkpoint)


def _begun(checkpoint: Path, start: Path | None) -> PortraitNet:
    """The network that a run goes on with, or begins with."""
    from streamcut.training.loop import load_network
    from streamcut.training.mobile import MobilePortraitNet, adopt_movenet
    from streamcut.training.network import PortraitNet
    from streamcut.training.warmstart import adopt_pilot

    if checkpoint.exists():
        return load_network(checkpoint)
    if start is None:
        return PortraitNet()
    if start.suffix == ".json":
        mobile = MobilePortraitNet()
        adopt_movenet(mobile.encoder, start)
        return mobile
    if start.suffix == ".onnx":
        network = PortraitNet()
        adopt_pilot(network, start)
        return network
    return load_network(EMBEDDED if str(start) == "portrait" else start)


def slim(options: argparse.Namespace) -> None:
    """Copy a checkpoint to a smaller file that can still be resumed."""
    from streamcut.training.loop import slim as copy

    copy(options.checkpoint, options.out)


def export(options: argparse.Namespace) -> None:
    """Write the ONNX file of a checkpoint's running average."""
    from streamcut.training.export import AREA
    from streamcut.training.export import export as write
    from streamcut.training.loop import load_network

    network = load_network(options.checkpoint)
    write(network, options.out, area=options.area or AREA)


def quantize(options: argparse.Namespace) -> None:
    """Write the network as one of 8-bit integers."""
    from streamcut.training.quantize import calibration
    from streamcut.training.quantize import quantize as write

    write(options.network, calibration(options.network, options.pack), options.out)


def evaluate(options: argparse.Namespace) -> None:
    """Print a table of figures, one row a network."""
    from streamcut.training.card import figures, save_scores
    from streamcut.training.evaluate import grade_all, make_exam
    from streamcut.training.teachers import Teacher

    exam = make_exam(options.pack)
    scores = grade_all([Teacher(path) for path in options.networks], exam)
    print(figures(scores))
    if options.json is not None:
        save_scores(options.json, scores)


def label(options: argparse.Namespace) -> None:
    """Make mattes of photographs and clips."""
    from streamcut.sessions import new_session
    from streamcut.training.label import label_clips, label_stills, panel_of

    matting = new_session(options.matting)
    people = [new_session(name) for name in options.person]
    objects = [new_session(name) for name in options.object or ["u2netp"]]
    label_stills(options.photos, options.out / "mattes", panel_of(matting, people, objects), print)
    label_clips(options.photos, options.out / "clips", matting, print)


def harden(options: argparse.Namespace) -> None:
    """Show more often what a network does badly."""
    from streamcut.training.harden import harden as change
    from streamcut.training.teachers import Teacher

    once = frozenset(options.once)
    done = change(options.pack, Teacher(options.network), places=options.places, once=once)
    print(f"{done.repeated} records are shown more often, {done.views} views were added")


def people(options: argparse.Namespace) -> None:
    """Build a pack of sets."""
    from streamcut.training.people import PeopleSources, prepare_people

    masked = options.masked
    sources = PeopleSources(
        photos=options.photos,
        mattes=tuple(options.mattes),
        held_out=frozenset(options.hold_out),
        squashed=frozenset(options.squashed),
        skipped=frozenset(options.skip),
        clips=options.clips,
        masked=(masked / "photos", masked / "masks") if masked else None,
        judges=tuple(options.judge),
        places=options.places,
        processes=options.processes,
    )
    prepare_people(sources, options.out)


def sources(options: argparse.Namespace) -> None:
    """Print two tables of figures, one row a source, the worst last."""
    from streamcut.training.pack import Pack
    from streamcut.training.sources import keep_report, report, table
    from streamcut.training.teachers import Teacher

    pack = Pack(options.pack)
    for text in options.networks:
        named, _, path = text.rpartition("=")
        network = Teacher(Path(path), area=options.area)
        name = named or network.name
        found = report(network.step, network.reset, pack, most=options.most)
        print(table(name, found), flush=True)
        if options.json is not None:
            keep_report(options.json, name, found)


def clips(options: argparse.Namespace) -> None:
    """Write clips whose mattes are known exactly."""
    from streamcut.sources import Size
    from streamcut.training.pack import Pack
    from streamcut.training.reels import write_clips

    width, height = Size.parse(options.size).of(1280, 720)
    pack, names = Pack(options.pack), options.names
    write_clips(pack, options.out, size=(height, width), frames=options.frames, names=names)


def card(options: argparse.Namespace) -> None:
    """Put figures into a model card."""
    from streamcut.training.card import load_scores, write_card, write_figures

    if options.sources is None:
        write_card(options.out, load_scores(options.json))
        return
    from streamcut.training.sources import kept_reports, side_by_side

    write_figures(options.out, side_by_side(kept_reports(options.sources)))


COMMANDS = {
    "prepare": prepare,
    "label": label,
    "people": people,
    "harden": harden,
    "train": train,
    "slim": slim,
    "export": export,
    "quantize": quantize,
    "evaluate": evaluate,
    "sources": sources,
    "clips": clips,
    "card": card,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = parser().parse_args(arguments)
    try:
        COMMANDS[options.command](options)
    except StreamcutError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        print(f"{error}. Training needs the extra: pip install 'streamcut[train]'", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
