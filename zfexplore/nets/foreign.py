"""Files of weights that other programs wrote: what kind a file is, and the tensors in it.

A kind is told by a file's first bytes, never by its name alone. A pickle is only ever read with
``weights_only=True``: nothing in a file can run. Training programs nest their weights under one name
or another, and put their options and their optimizer beside them; the weights are taken, and the rest
is said to be left out.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import pickle
import re
import struct
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zfexplore.errors import ExploreError
from zfexplore.nets.tensors import UNREADABLE, opened_tensors
from zfexplore.opening import open_plain, strange
from zfexplore.plain import UNFIT

# Where training programs put the weights, best first: what was trained before its running average.
NESTED_UNDER = (
    "state_dict", "model_state_dict", "model_state", "model_dict", "model", "net_state_dict", "net",
    "network", "weights", "params", "module", "backbone",
    "ema_state_dict", "state_dict_ema", "model_ema", "ema",
)  # fmt: skip
SMALL = 2**22  # bytes that may come from fewer in the file, as constants do
TIMES_REPEATED = 4  # a file's bytes that its tensors may have together: some share their values
TIMES_PACKED = 4  # a zip's bytes to which its members may unpack: torch itself packs nothing
DEPTH = 4  # a hostile file may hold itself
TENSORS = ("torch", "safetensors")  # the kinds that can be read
# The kinds that hold a net, but not in a way that can be read.
FOREIGN = ("torchscript", "onnx", "keras", "hdf5", "tflite", "tensorflow", "caffe", "darknet", "gguf")


@dataclass(frozen=True)
class Kind:
    """What a file is: a ``name`` for programs, the same in ``words``, and what to ``do`` with it."""

    name: str
    words: str
    do: str = "name a state dict saved by torch.save, or a .safetensors file"


@dataclass(frozen=True)
class Weights:
    """The tensors of a file by name, and what was left out of it, a sentence each."""

    kind: Kind
    tensors: dict[str, Tensor]
    notes: tuple[str, ...] = ()


def read_weights(file: Path) -> Weights:
    """Read the tensors of a torch or safetensors file; nothing in it is run.

    Raises ExploreError, one line, for a file that is missing, empty, cut short or of another kind, or
    that holds more than tensors.
    """
    kind = kind_of(file)
    if kind.name not in TENSORS:
        raise ExploreError(f"{file} is {kind.words}; {kind.do}")
    if kind.name == "safetensors":
        return Weights(kind, _safetensors(file))
    _refuse_bomb(file)
    held = _unpickled(file)
    under, found = _innermost(held)
    if not isinstance(found, dict):
        raise ExploreError(f"{file} holds a {type(found).__name__} and not a state dict")
    tensors = {str(name): value.detach() for name, value in found.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ExploreError(f"{file} holds no tensors")
    _refuse_repeated(file, tensors)
    return Weights(kind, tensors, _left_out(held, under))


def kind_of(file: Path) -> Kind:
    """Tell what ``file`` is by its first bytes; raises ExploreError where there is no such file."""
    if not file.is_file():
        what = "is a folder" if file.is_dir() else f"is {strange(file) or 'not there'}"
        raise ExploreError(f"{file} {what}; name a file written by torch.save, or a .safetensors file")
    try:
        with open_plain(file) as opened:
            start = opened.read(1024)
    except OSError as error:
        raise ExploreError(f"{file} cannot be read: {(error.strerror or 'unreadable').lower()}") from error
    if not start:
        return Kind("empty", "empty", "delete it and fetch it again")
    if start.startswith(b"PK\x03\x04"):
        return _zip_kind(file)
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for begins, kind in _BEGINNINGS:
        if start.startswith(begins) or text.startswith(begins):
            return kind
    if int.from_bytes(start[:8], "little") < 100_000_000 and start[8:9] == b"{":
        return Kind("safetensors", "a safetensors file")
    if _looks_like_pickle(start):
        return Kind("torch", "a torch file")
    if start[4:8] == b"TFL3":
        return _of_program("tflite", "a TensorFlow Lite model")
    if start[257:262] == b"ustar":
        return Kind("archive", "a tar archive", "unpack it first")
    if file.suffix.lower() in _BY_SUFFIX:
        return _of_program(*_BY_SUFFIX[file.suffix.lower()])
    # ONNX is a protocol buffer: no magic, but a version first and the name of the program that wrote it.
    if start[:1] == b"\x08" and start[2:3] in (b"\x12", b"\x1a", b"\x3a"):
        return _of_program("onnx", "an ONNX model")
    return Kind("unknown", "not a torch file, nor any other that is known")


def _of_program(name: str, words: str) -> Kind:
    return Kind(name, words, "zfexplore reads torch's state dicts; export the weights from the torch model")


_PAGE = Kind("html", "a web page and not weights", "delete it and download the file itself")
_BEGINNINGS = (
    (b"<!doctype", _PAGE),
    (b"<html", _PAGE),
    (b"<?xml", _PAGE),
    (
        b"version https://git-lfs",
        Kind("lfs", "a git-lfs pointer and not weights", "fetch the file itself with git lfs pull"),
    ),
    (b"\x89HDF\r\n", _of_program("hdf5", "an HDF5 file, as Keras writes them")),
    (b"GGUF", _of_program("gguf", "a GGUF file of a language model")),
    (b"\x93NUMPY", Kind("numpy", "a numpy array", "save a state dict with torch.save")),
    (b"\x1f\x8b", Kind("archive", "a gzip archive", "unpack it first")),
    (b"7z\xbc\xaf", Kind("archive", "a 7z archive", "unpack it first")),
    (b"\x89PNG", Kind("picture", "a picture", "name a file of weights; --images takes pictures")),
    (b"\xff\xd8\xff", Kind("picture", "a picture", "name a file of weights; --images takes pictures")),
)
_BY_SUFFIX = {
    ".onnx": ("onnx", "an ONNX model"),
    ".pb": ("tensorflow", "a TensorFlow graph"),
    ".caffemodel": ("caffe", "a Caffe model"),
    ".mat": ("matlab", "a MATLAB file"),
    ".weights": ("darknet", "a Darknet file"),
}


def _looks_like_pickle(start: bytes) -> bool:
    """Whether a pickle starts here: torch's files before 1.6 are pickles one after the other."""
    return start[:1] == b"\x80" and len(start) > 1 and start[1] <= pickle.HIGHEST_PROTOCOL


def _zip_kind(file: Path) -> Kind:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, struct.error, *UNFIT):
        return Kind(
            "damaged", "cut short or damaged: a torch file or another zip", "delete it and fetch it again"
        )
    last = {name.rpartition("/")[2] for name in names}
    if "constants.pkl" in last:
        return Kind(
            "torchscript",
            "a TorchScript program and not a state dict",
            f"in Python: torch.save(torch.jit.load({str(file)!r}).state_dict(), 'state-dict.pth')",
        )
    if "data.pkl" in last:
        return Kind("torch", "a torch file")
    if "model.weights.h5" in last:
        return _of_program("keras", "a Keras model")
    if all(name.endswith(".npy") for name in last):
        return Kind("numpy", "a file of numpy arrays", "save a state dict with torch.save")
    return Kind("archive", "a zip archive", "unpack it first")


def _safetensors(file: Path) -> dict[str, Tensor]:
    try:
        with opened_tensors(file, "pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except UNREADABLE as error:
        raise ExploreError(f"{file} is not a safetensors file, or is cut short ({error})") from error
    if not tensors:
        raise ExploreError(f"{file} holds no tensors")
    return tensors


def _refuse_bomb(file: Path) -> None:
    """Refuse a zip that unpacks to far more than it is; torch would make room for all of it."""
    with open_plain(file) as opened:
        if opened.read(4) != b"PK\x03\x04":
            return
        size = opened.seek(0, os.SEEK_END)
        with zipfile.ZipFile(opened) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > SMALL + TIMES_PACKED * size:
        raise ExploreError(
            f"{file} of {size:,} bytes unpacks to {unpacked:,} (a decompression bomb?): save its state dict "
            "anew with torch.save"
        )


def _refuse_repeated(file: Path, tensors: dict[str, Tensor]) -> None:
    """Refuse tensors that are larger than the file: one value repeated, or one tensor under many names."""
    size, together = file.stat().st_size, 0
    for name, tensor in tensors.items():
        own = tensor.numel() * tensor.element_size()
        together += own
        if own > SMALL + size or together > SMALL + TIMES_REPEATED * size:
            raise ExploreError(f"{file}: {name} claims more values than the file can hold")


def _unpickled(file: Path) -> Any:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_harmless()):
            warnings.simplefilter("ignore")  # torch's remarks on pickles; what matters comes as an error
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+) was not an allowed", str(error))
        what = f" ({named[1]})" if named else ""
        raise ExploreError(
            f"{file} holds more than tensors, which is refused because loading it could run code{what}; "
            "save its state_dict() alone with torch.save"
        ) from error
    except Exception as error:  # torch raises nearly every type there is on damaged files
        raise ExploreError(f"{file} is not a torch file, or is cut short ({type(error).__name__})") from error


def _harmless() -> list[Any]:
    """What training programs put beside the weights, and what can do no harm: their options, and numbers."""
    import numpy as np

    kinds = {type(np.dtype(name)) for name in ("float32", "float64", "int32", "int64", "bool", "uint8")}
    scalar: Any = np.float64(0).__reduce__()[0]
    named = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    paths = [(pathlib.PosixPath, f"pathlib{module}.PosixPath") for module in ("", "._local")]
    return [argparse.Namespace, np.dtype, *kinds, *named, *paths]


def _innermost(held: Any) -> tuple[list[str], Any]:
    """Follow the names under which weights are nested; give them and what lies there."""
    under: list[str] = []
    while isinstance(held, dict) and len(under) < DEPTH:
        nested = {key: _tensors_in(value) for key, value in held.items() if isinstance(value, dict)}
        key = next((key for key in NESTED_UNDER if nested.get(key)), None)
        if key is None and not any(isinstance(value, Tensor) for value in held.values()):
            key = max(nested, key=nested.__getitem__) if any(nested.values()) else None
        if key is None:
            break
        under.append(key)
        held = held[key]
    return under, held


def _tensors_in(held: dict[Any, Any], depth: int = DEPTH) -> int:
    """Count the tensors in nested dictionaries, but not those of an optimizer, which are no weights."""
    if depth == 0 or "param_groups" in held:
        return 0
    return sum(
        _tensors_in(value, depth - 1) if isinstance(value, dict) else isinstance(value, Tensor)
        for value in held.values()
    )


def _left_out(held: Any, under: list[str]) -> tuple[str, ...]:
    """Say which other state dicts lie beside the one that is taken; a running average is one."""
    notes: list[str] = []
    for key in under:
        others = [
            str(other)
            for other, value in held.items()
            if str(other) != key and isinstance(value, dict) and _tensors_in(value)
        ]
        if others:
            notes.append(
                f"the tensors under {key!r} are taken; those under {', '.join(map(repr, others))} are not"
            )
        held = held[key]
    return tuple(notes)
