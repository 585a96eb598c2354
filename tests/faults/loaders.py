"""What zfexplore believes of files: every loader, small valid files for it, and how they are changed."""

from __future__ import annotations

import io
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from tests.faults.mutations import bytes_changed, json_changed, safetensors_changed
from zfexplore.atlas import build, container
from zfexplore.atlas.lost import Spot, find_lost, note_spot
from zfexplore.atlas.maxima import Layout
from zfexplore.atlas.open import atlas_path, load_believed
from zfexplore.atlas.state import State, atlas_of
from zfexplore.atlas.state import resume as resume_pass
from zfexplore.atlas.store import Atlas, describe
from zfexplore.atlas.tables import as_csv, channel_row
from zfexplore.atlas.tally import Tally
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.figures import plots
from zfexplore.figures.plots import curves
from zfexplore.figures.provenance import read_chunks, save_png
from zfexplore.figures.replacing import difference
from zfexplore.images.labels import labels_from
from zfexplore.images.listed import ListedSource
from zfexplore.images.places import notes_on
from zfexplore.nets import header, zfnet, zoo
from zfexplore.nets.checkpoint import Metadata, load_checkpoint, save_checkpoint
from zfexplore.nets.description import describe_file
from zfexplore.nets.summary import summarise
from zfexplore.nets.zfnet import ZFNet, initialise
from zfexplore.progress import finish
from zfexplore.training.asked import read_asked
from zfexplore.training.folder import RunFolder, read_log
from zfexplore.training.recipe import Recipe, recipe
from zfexplore.training.run import read_run
from zfexplore.training.state import Position, check_state, load_state, restore, save_state
from zfexplore.tui.session import load_keymap, load_session

SIZE = 56  # pixels of the net's input
MEAN = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@contextmanager
def _unset() -> Iterator[None]:
    """Draw no weights for new layers, which takes longer than to read a file."""
    with ExitStack() as stack:
        for kind in (nn.Conv2d, nn.Linear):
            stack.enter_context(patch.object(kind, "reset_parameters", lambda self: None))
        yield


class Thin(ZFNet):
    """ZFNet with two channels a layer: the same names in 20 kB."""

    def __init__(
        self, classes: int = 1000, fc: int = 4096, norm: Any = "krizhevsky", dropout: float = 0.5
    ) -> None:
        with _unset():
            with zoo.weightless():
                super().__init__(classes, 1, norm, dropout)
            self.conv1 = nn.Conv2d(3, 2, 7, stride=2, padding=1)
            self.conv2 = nn.Conv2d(2, 2, 5, stride=2)
            for name in ("conv3", "conv4", "conv5"):
                setattr(self, name, nn.Conv2d(2, 2, 3, padding=1))
            if classes:
                self.fc6 = nn.Linear(2 * 36, fc)
                self.fc7 = nn.Linear(fc, fc)
                self.fc8 = nn.Linear(fc, classes)
        self.arguments = {"classes": classes, "fc": fc, "norm": norm, "dropout": dropout}


class Noise(ListedSource):
    """Twelve pictures of noise in two classes, without files."""

    def __init__(self) -> None:
        names = [f"{'ab'[number % 2]}/{number}.png" for number in range(12)]
        super().__init__("noise", names, [number % 2 for number in range(12)], ("a", "b"))

    def _decode(self, index: int) -> Image.Image:
        pixels = np.random.default_rng(index).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        return Image.fromarray(pixels)

    def _contents(self):
        return map(str, range(12))


@dataclass(frozen=True)
class Loader:
    """Something that reads files: what it reads, by name, how each is changed, and how it is read.

    ``load`` takes the folder. It raises ExploreError or nothing.
    """

    name: str
    files: dict[str, bytes]
    changed: dict[str, Callable[[bytes], st.SearchStrategy[bytes]]] = field(repr=False)
    load: Callable[[Path], object] = field(repr=False)

    def cases(self) -> st.SearchStrategy[dict[str, bytes]]:
        """One of the files changed."""
        return st.one_of([
            change(self.files[name]).map(lambda data, name=name: {name: data})
            for name, change in self.changed.items()
        ])  # fmt: skip


def _json(data: bytes) -> st.SearchStrategy[bytes]:
    values = json_changed(data.decode()).map(lambda text: text.encode("utf-8", "surrogatepass"))
    return st.one_of(values, values, values, bytes_changed(data))


def _tensors(key: str) -> Callable[[bytes], st.SearchStrategy[bytes]]:
    return lambda data: safetensors_changed(data, key)


@st.composite
def _log(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.decode().splitlines()
    number = draw(st.integers(0, len(lines) - 1))
    lines[number] = draw(st.one_of(json_changed(lines[number]), st.just(lines[number][:-9])))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def loaders(folder: Path) -> list[Loader]:
    """Make the valid files in ``folder``, and give all loaders. ZFNet must be ``Thin`` by then."""
    net = Thin(3, 4)
    initialise(net, "xavier", seed=1)
    convention = InputConvention(size=SIZE, resize=SIZE, scale=1.0, mean_image=MEAN)
    metadata = Metadata(
        "zfnet", net.arguments, ("ä", "b", "c"), convention, THIN.to_json() | {"seed": 0},
        IMAGES, 1.5, {"centre": {"top1": 0.5, "dead": {"conv1": 0}}},
    )  # fmt: skip
    save_checkpoint(folder / "net.safetensors", net, metadata)
    torch.save(net.state_dict(), folder / "net.pth")
    theirs = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    save_file(theirs, folder / "theirs.safetensors", metadata={"theirs": json.dumps({"epochs": 90})})
    momentum = {weight: {"momentum_buffer": torch.zeros_like(weight)} for weight in net.parameters()}
    save_state(folder / "state.safetensors", net, _optimiser(momentum), Position(1, 1), convention)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return [
        Loader(
            "checkpoint",
            {"net.safetensors": files["net.safetensors"]},
            {"net.safetensors": _tensors(header.METADATA_KEY)},
            _load_checkpoint,
        ),
        Loader(
            "weights",
            {name: files[name] for name in ("net.pth", "theirs.safetensors")},
            {"net.pth": bytes_changed, "theirs.safetensors": _tensors("theirs")},
            _load_weights,
        ),
        *_of_an_atlas(folder),
        *_of_a_run(files),
        *_of_the_explorer(folder),
    ]


# -- nets ----------------------------------------------------------------------------------------------------


def _load_checkpoint(folder: Path) -> None:
    from zfexplore.cli.info import _metadata_table, _stage_table, _values

    file = folder / "net.safetensors"
    header.channels_of(str(file))
    try:
        loaded = load_checkpoint(file)
        stages = summarise(loaded.net, (loaded.metadata.input.size,) * 2)
        _shown(_metadata_table(loaded, stages))
        _shown(_stage_table(loaded, stages, starred=False))
        json.dumps(_values(loaded, stages))
    finally:
        describe_file(file)


def _shown(table: Any) -> None:
    """Draw a table, but one of the same cells once only."""
    from zfexplore.showing import in_plain_lines

    cells = repr([table.title, [[column.header, *column.cells] for column in table.columns]])
    if cells not in _drawn:
        in_plain_lines(table)
        _drawn.add(cells)


_drawn: set[str] = set()


def _load_weights(folder: Path) -> None:
    for name in ("net.pth", "theirs.safetensors"):
        describe_file(folder / name)


# -- atlases -------------------------------------------------------------------------------------------------


def _of_an_atlas(folder: Path) -> list[Loader]:
    checkpoint, source = load_checkpoint(folder / "net.safetensors"), Noise()
    wanted = describe(checkpoint, source, k=9, fit="crop", stages=None, precision="float32")
    layout = Layout.of(checkpoint.net, wanted["watched"], SIZE)
    finish(build.build_atlas(checkpoint, source, workers=1)).save(folder / "atlas")
    events = build.build_atlas(checkpoint, _Cut(source), workers=1, path=folder / "partial")
    next(event for event in events if isinstance(event, build.Skipped))
    events.close()  # type: ignore[attr-defined]
    whole, part = (folder / "atlas").read_bytes(), (folder / "partial").read_bytes()

    def load(folder: Path) -> None:
        _look_through(Atlas.load(folder / "atlas"), checkpoint.net)
        load_believed(folder / "atlas", wanted, checkpoint, source)

    def resume(folder: Path) -> None:
        sizes = {"k": 9, "classes": 2, "images": len(source)}
        state = State(Tally.empty(layout.channels, **sizes))
        told = resume_pass(state, folder / "partial", wanted, layout, len(source))
        if not told.startswith("going on"):
            raise ExploreError(told)
        _look_through(atlas_of(state, layout, wanted, source), checkpoint.net)

    def lost(folder: Path) -> None:
        os.environ["ZFEXPLORE_CACHE"] = str(folder)
        if not atlas_path(wanted["fingerprint"]).exists():
            Atlas.load(folder / "atlas").save(atlas_path(wanted["fingerprint"]))
        notes_on("/gone").mkdir(parents=True, exist_ok=True)
        (notes_on("/gone") / "note.json").write_bytes((folder / "note").read_bytes())
        find_lost(Spot("/gone"), checkpoint, "crop")

    os.environ["ZFEXPLORE_CACHE"] = str(folder)
    note_spot(Spot("/gone"), wanted["images"])
    (note,) = notes_on("/gone").iterdir()
    changes = _tensors(container.METADATA_KEY)
    return [
        Loader("atlas", {"atlas": whole}, {"atlas": changes}, load),
        Loader("partial", {"partial": part}, {"partial": changes}, resume),
        Loader("note", {"note": note.read_bytes(), "atlas": whole}, {"note": _json}, lost),
    ]


class _Cut(Noise):
    """The same pictures, but that the fourth cannot be read."""

    def __init__(self, whole: Noise) -> None:
        super().__init__()

    def _decode(self, index: int) -> Image.Image:
        from zfexplore.images.decode import UndecodableError

        if index == 3:
            raise UndecodableError("it is torn")
        return super()._decode(index)


def _look_through(atlas: Atlas, net: Any) -> None:
    for name, record in atlas.stages.items():
        for channel in range(record.channels):
            atlas.top(name, channel)
            json.dumps(channel_row(atlas, name, channel), allow_nan=False)
        _ = record.striking
    with suppress(ExploreError):  # a layer that the net does not have is told
        as_csv(atlas, net).encode()


# -- runs ----------------------------------------------------------------------------------------------------

THIN = recipe("default", epochs=3, batch_size=2, fc=4, size=SIZE, stages=((1.0, 1.0),))
IMAGES = {
    "name": "noise", "count": 6, "fingerprint": "f", "per_class": None, "training": 6,
    "held_out": {"fraction": 0.1, "seed": 0, "count": 0},
}  # fmt: skip
ASKED = {
    "images": ["noise"], "exclude": [], "limit": None, "labels": None, "val": "0.1", "per_class": None,
    "snapshots": "auto", "half": False, "seed": 0, "device": "cpu", "amp": None, "compiled": False,
    "workers": 1,
}  # fmt: skip
EPOCH = {
    "epoch": 1, "size": SIZE, "loss": 2.5, "lr": 0.01, "images_per_second": 9.0, "waiting": 0.1,
    "seconds": 3.0, "held_out_loss": 2.4, "top1": 0.1, "top5": 0.4, "per_class": 0.2, "dead": {"conv1": 0},
}  # fmt: skip
LOGGED = [EPOCH | {"epoch": epoch} for epoch in (1, 2)]


def _of_a_run(files: dict[str, bytes]) -> list[Loader]:
    settings = {"format": 1, "asked": ASKED, "seed": 0, "recipe": THIN.to_json(), "images": IMAGES}
    log = "".join(json.dumps(epoch) + "\n" for epoch in LOGGED)
    progress = {"epoch": 3, "step": 1, "steps": 3, "loss": 1.5}
    plain = {
        "run.json": json.dumps(settings).encode(),
        "log.jsonl": log.encode(),
        "progress.json": json.dumps(progress).encode(),
        "checkpoint.safetensors": files["net.safetensors"],
    }
    changed: dict[str, Callable[[bytes], st.SearchStrategy[bytes]]] = {
        "run.json": _json,
        "log.jsonl": _log,
    }
    looking = {**changed, "progress.json": _json, "checkpoint.safetensors": _tensors(header.METADATA_KEY)}
    resuming = {**changed, "state.safetensors": _tensors("zfexplore-training")}
    state = {"state.safetensors": files["state.safetensors"]}
    return [
        Loader("run", plain, looking, _look_on),
        Loader("resume", plain | state, resuming, _resume_run),
    ]


def _look_on(folder: Path) -> None:
    run = read_run(folder)
    os.fsencode(str(run.seen_by))
    json.dumps([run.epochs, run.condition, [vars(point) for point in run.points]], allow_nan=False)
    if run.within is not None:
        float(run.within.position)


def _resume_run(folder: Path) -> None:
    from zfexplore.cli.train import _what_was_asked

    run = RunFolder(folder)
    asked, chosen = _what_was_asked(NOTHING_TYPED, folder)
    assert read_asked(asked) == asked
    replace(chosen, epochs=chosen.epochs).sizes()
    assert Recipe.from_json(run.read_settings()["recipe"]) == chosen
    records, _ = read_log(run.log)
    if records != LOGGED:  # to draw takes longer than all the rest
        curves(records)
    saved = load_state(run.state)
    net = Thin(3, 4)
    check_state(saved, net.state_dict())
    restore(saved, net, _optimiser(defaultdict(dict)))


def _optimiser(state: dict[Any, dict[str, Any]]) -> Any:
    """What of an optimiser is saved and restored; torch's own take seconds to import."""
    return SimpleNamespace(state=state)


class _NothingTyped:
    params: dict[str, Any] = {}


NOTHING_TYPED: Any = _NothingTyped()

# -- the explorer, labels and figures ------------------------------------------------------------------------


def _of_the_explorer(folder: Path) -> list[Loader]:
    session = json.dumps({"stage": "conv5", "channel": 130, "mode": "halves"}).encode()
    keys = json.dumps({"save": "x", "quit": "ctrl+q,f10"}).encode()
    rows = b"name,label\na/0.png,cat\na/2.png,12\nb/1.png,dog\n"
    chunks = {
        "checkpoint": "c0ffee",
        "atlas": "a71a5",
        "command": "zfexplore export grid",
        "unit conv1:0": "[]",
    }
    save_png(Image.new("RGB", (9, 9)), folder / "figure.png", chunks)
    table = json.dumps({"channel": "conv1:0", **chunks, "units": []}).encode()
    exported = json.dumps({"header": {"weights": "c0ffee", "fingerprint": "a71a5"}, "stages": {}}).encode()
    packed = io.BytesIO()
    np.savez_compressed(
        packed, header=np.array(json.dumps({"weights": "c", "fingerprint": "a"})), labels=np.zeros(3)
    )

    def look(folder: Path) -> None:
        load_session(folder / "explorer.json")
        load_keymap(folder / "keys.json")

    def whose(folder: Path) -> None:
        read_chunks(folder / "figure.png")
        for path in (each for each in folder.iterdir() if each.suffix in (".png", ".json", ".npz", ".csv")):
            difference(path, chunks)

    figures = {
        "figure.png": (folder / "figure.png").read_bytes(), "table.json": table, "atlas.json": exported,
        "atlas.npz": packed.getvalue(), "lone.csv": b"rank,activation\n1,2\n",
    }  # fmt: skip
    return [
        Loader(
            "session",
            {"explorer.json": session, "keys.json": keys},
            {"explorer.json": _json, "keys.json": _json},
            look,
        ),
        Loader(
            "labels",
            {"labels.csv": rows},
            {"labels.csv": lambda data: st.one_of(bytes_changed(data), _cells(data))},
            lambda folder: labels_from(folder / "labels.csv", ["a/0.png", "b/1.png", "a/2.png"]),
        ),
        Loader(
            "figures",
            figures,
            {name: _json if name.endswith(".json") else bytes_changed for name in figures},
            whose,
        ),
    ]


@st.composite
def _cells(draw: st.DrawFn, data: bytes) -> bytes:
    """A table with a cell replaced."""
    cells = data.split(b"\n")
    nasty = (
        b'"',
        b"9" * 5000,
        b"x" * 200_000,
        b"\0",
        b"\xff\xfe",
        b",,,",
        b"\xe2\x80\xae",
        b"a;b\tc",
        b"\r\r",
    )
    row = draw(st.integers(0, len(cells) - 1))
    name, _, label = cells[row].partition(b",")
    new = draw(st.sampled_from(nasty))
    cells[row] = draw(st.sampled_from((new + b"," + label, name + b"," + new, new)))
    return b"\n".join(cells)


def use_thin_nets() -> None:
    """Let every checkpoint of a zfnet be ``Thin``, and draw curves without smoothing: that takes a tenth."""
    zfnet.ZFNet = Thin  # type: ignore[misc]
    plots.FINE = 1
