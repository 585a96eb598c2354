from __future__ import annotations

import argparse
import pathlib
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from zfexplore.errors import ExploreError
from zfexplore.nets.foreign import kind_of, read_weights

STATE = {"conv.weight": torch.ones(2, 3, 1, 1), "conv.bias": torch.zeros(2)}


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"\n <!DOCTYPE HTML><title>404</title>", "html"),
        (b"<?xml version='1.0'?><Error/>", "html"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "lfs"),
        (b"\x89HDF\r\n\x1a\n\x00", "hdf5"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\x1f\x8b\x08", "archive"),
        (b"\x08\x07\x12\x07pytorch", "onnx"),
        (b"\x20\x00\x00\x00TFL3", "tflite"),
        (b"GGUF\x03", "gguf"),
        (b"PK\x03\x04 cut", "damaged"),
        (pickle.dumps({}, protocol=2), "torch"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{", "safetensors"),
        (b"\x80\x02\x00\x00\x00\x00\x00\x00{", "safetensors"),  # a header as long as a pickle's beginning
        (b"hello", "unknown"),
    ],
)
def test_a_kind_is_told_by_the_first_bytes(tmp_path, content, kind):
    (tmp_path / "x.pth").write_bytes(content)
    assert kind_of(tmp_path / "x.pth").name == kind


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("x/data.pkl", "x/data/0"), "torch"),
        (("x/data.pkl", "x/constants.pkl"), "torchscript"),
        (("config.json", "model.weights.h5"), "keras"),
        (("a.npy", "b.npy"), "numpy"),
        (("readme.txt",), "archive"),
    ],
)
def test_a_zip_is_told_by_what_is_in_it(tmp_path, names, kind):
    zipped(tmp_path / "x.pt", *names)
    assert kind_of(tmp_path / "x.pt").name == kind


@pytest.mark.parametrize("new", [True, False])
def test_both_of_torchs_formats_are_read(tmp_path, new):
    torch.save(STATE, tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    read = read_weights(tmp_path / "x.pth")
    assert read.kind.name == "torch"
    assert torch.equal(read.tensors["conv.weight"], STATE["conv.weight"])


def test_a_safetensors_file_is_read_under_any_name(tmp_path):
    save_file(STATE, tmp_path / "x.bin")
    assert read_weights(tmp_path / "x.bin").tensors.keys() == STATE.keys()


OPTIMIZER = {"state": {0: {"momentum": torch.ones(4)}}, "param_groups": [{"lr": 0.1}]}


@pytest.mark.parametrize(
    "held",
    [
        {"state_dict": STATE},
        {"model_state": STATE, "optimizer": OPTIMIZER},
        {"model": STATE, "optimizer": OPTIMIZER, "epoch": 3},
        {"ema": STATE},
        {"anything": STATE, "optim": OPTIMIZER},
        {"model": {"state_dict": STATE}, "best": 0.5},
        {"params": {"lr": 0.1}, "net": STATE},
    ],
)
def test_the_weights_are_found_wherever_they_are_nested(tmp_path, held):
    torch.save(held, tmp_path / "x.pth")
    read = read_weights(tmp_path / "x.pth")
    assert read.tensors.keys() == STATE.keys()
    assert read.notes == ()


def test_weights_that_lie_beside_those_taken_are_said_to_be_left_out(tmp_path):
    torch.save({"state_dict_ema": STATE, "state_dict": STATE | {"more": torch.ones(1)}}, tmp_path / "x.pth")
    read = read_weights(tmp_path / "x.pth")
    assert "more" in read.tensors
    assert read.notes == ("the tensors under 'state_dict' are taken; those under 'state_dict_ema' are not",)


def test_a_training_programs_options_are_no_reason_to_refuse_its_weights(tmp_path):
    options = argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("x"), data=pathlib.Path("y"))
    held = {"model": STATE, "args": options, "best": np.float64(0.5), "epoch": np.int64(3)}
    held["args"].out = str(options.out)
    torch.save(held, tmp_path / "x.pth")
    assert read_weights(tmp_path / "x.pth").tensors.keys() == STATE.keys()


def test_a_whole_module_is_refused_by_its_name(tmp_path):
    torch.save(torch.nn.Bilinear(1, 1, 1), tmp_path / "x.pth")
    with pytest.raises(
        ExploreError, match=r"could run code \(torch\.nn\.modules\.linear\.Bilinear\); save its"
    ):
        read_weights(tmp_path / "x.pth")


@pytest.mark.parametrize("keep", [0.3, 0.9])
@pytest.mark.parametrize("new", [True, False])
def test_a_file_that_is_cut_short_says_so(tmp_path, keep, new):
    torch.save({"a": torch.ones(1000)}, tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    data = (tmp_path / "x.pth").read_bytes()
    (tmp_path / "x.pth").write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(ExploreError, match="cut short") as caught:
        read_weights(tmp_path / "x.pth")
    assert "\n" not in str(caught.value)


def test_torchscript_is_sent_to_the_line_of_python_that_reads_it(tmp_path):
    zipped(tmp_path / "x.pt", "x/data.pkl", "x/constants.pkl")
    with pytest.raises(ExploreError, match=r"torch\.jit\.load\('.*x\.pt'\)\.state_dict\(\)"):
        read_weights(tmp_path / "x.pt")


def test_one_value_repeated_without_end_is_refused(tmp_path):
    torch.save({"a.weight": torch.zeros(1).expand(10**6, 9216)}, tmp_path / "x.pth")
    with pytest.raises(ExploreError, match=r"a\.weight claims more values than the file can hold"):
        read_weights(tmp_path / "x.pth")


def test_many_tensors_of_one_value_are_refused_together(tmp_path):
    one = torch.zeros(1)
    torch.save({f"a{number}.weight": one.expand(1000, 1000) for number in range(50)}, tmp_path / "x.pth")
    with pytest.raises(ExploreError, match=r"a\d+\.weight claims more values than the file can hold"):
        read_weights(tmp_path / "x.pth")


def test_tensors_that_share_their_values_and_small_constants_are_read(tmp_path):
    shared = torch.randn(300, 100)
    state = {"in.weight": shared, "out.weight": shared, "scale": torch.ones(1).expand(1000)}
    torch.save(state, tmp_path / "x.pth")
    assert set(read_weights(tmp_path / "x.pth").tensors) == set(state)


def test_a_zip_that_unpacks_to_far_more_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    torch.save({"a.weight": torch.zeros(3_000_000)}, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "x.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in plain.infolist():
            packed.writestr(member.filename, plain.read(member))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(ExploreError, match=r"x\.pth of [\d,]+ bytes unpacks to 12,\d+,\d+ .a decompression"):
        read_weights(tmp_path / "x.pth")


@pytest.mark.parametrize("new", [True, False])
def test_a_shape_beyond_the_stored_values_is_refused(tmp_path, monkeypatch, new):
    """The pickle claims 10^5 x 10^5 values of a storage of ten."""
    real = torch._utils._rebuild_tensor_v2
    claimed = torch.empty(0).set_(torch.zeros(10).untyped_storage(), 0, (10,), (1,))

    class Claim(torch.Tensor):
        def __reduce_ex__(self, _):
            return real, (self.typed, 0, (10**5, 10**5), (10**5, 1), False, {})

    value = claimed.as_subclass(Claim)
    value.typed = torch.storage.TypedStorage(
        wrap_storage=claimed.untyped_storage(), dtype=torch.float32, _internal=True
    )
    torch.save({"a.weight": value}, tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    with pytest.raises(ExploreError, match=r"a\.weight claims more values|cut short"):
        read_weights(tmp_path / "x.pth")
