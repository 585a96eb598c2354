from __future__ import annotations

import re
import shutil

import pytest


@pytest.fixture(autouse=True)
def empty_cache(zfexplore, tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))


def test_index_sums_up_what_it_did_and_names_the_broken_image(zfexplore, tmp_path):
    code, out, remarks = zfexplore("index")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "images     6 of pictures"
    assert lines[1] == "skipped    1"
    assert re.fullmatch(r"seconds    \d+\.\d", lines[2])
    assert re.fullmatch(r"dead       conv1 \d+ of 96, conv2 \d+ of 256, .*, fc8 \d of 3", lines[3])
    (atlas,) = (tmp_path / "cache" / "atlases").iterdir()
    assert lines[4] == f"index      {atlas}"
    assert "index: 7 of 7" in remarks
    assert "1 image could not be read and was left out: a/broken.png:" in remarks


def test_the_second_time_nothing_is_read(zfexplore):
    _, first, _ = zfexplore("index")
    _, second, remarks = zfexplore("index")
    assert remarks == ""
    assert first.splitlines()[3:] == second.splitlines()[3:]


def test_again_builds_it_anew(zfexplore):
    _, first, _ = zfexplore("index")
    _, second, remarks = zfexplore("index", "--again")
    assert "the index is built again, as asked" in remarks
    assert "index: 7 of 7" in remarks
    assert first.splitlines()[3:] == second.splitlines()[3:]


def test_another_fit_is_indexed_again_and_says_why(zfexplore):
    zfexplore("index")
    _, _, remarks = zfexplore("index", "--fit", "whole")
    assert "pictures is indexed again: other fit than before" in remarks


def test_reduced_precision_is_an_index_of_its_own(zfexplore, tmp_path):
    zfexplore("index")
    code, _, remarks = zfexplore("index", "--precision", "bfloat16")
    assert code == 0
    assert "other precision than before" in remarks
    assert len(list((tmp_path / "cache" / "atlases").iterdir())) == 2


def test_an_interrupt_says_how_to_go_on(zfexplore, monkeypatch):
    from zfexplore.atlas import taking

    def struck(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(taking.Taker, "__call__", struck)
    code, out, remarks = zfexplore("index")
    assert code == 130
    assert out == ""
    assert "interrupted: the same command goes on from here" in remarks


def test_images_that_are_not_there_are_a_usage_error(zfexplore):
    source = ("--images", "nowhere", "--checkpoint", "net.safetensors")
    code, _, remarks = zfexplore("index", source=source)
    assert code == 2
    assert "no folder 'nowhere'" in remarks


def test_a_folder_of_nothing_but_broken_images_is_one_line(zfexplore, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.jpg").write_bytes(b"not a picture")
    source = ("--images", str(tmp_path / "bad"), "--checkpoint", "net.safetensors")
    code, out, remarks = zfexplore("index", source=source)
    assert (code, out) == (1, "")
    assert "error: none of the 1 images of bad could be read" in remarks


def test_a_class_without_a_readable_image_is_no_class(zfexplore, tmp_path, material):
    shutil.copytree(material / "pictures", tmp_path / "set")
    (tmp_path / "set" / "c").mkdir()
    (tmp_path / "set" / "c" / "1.png").write_bytes(b"not a picture")
    source = ("--images", str(tmp_path / "set"), "--checkpoint", "net.safetensors")
    code, out, _ = zfexplore("index", source=source)
    assert code == 0
    assert "no class   c: none of its images can be read" in out.splitlines()


def test_a_moved_folder_keeps_its_index_and_has_its_new_name(zfexplore, tmp_path, material):
    shutil.copytree(material / "pictures", tmp_path / "set")
    net = ("--checkpoint", "net.safetensors")
    _, first, _ = zfexplore("index", source=("--images", str(tmp_path / "set"), *net))
    (tmp_path / "set").rename(tmp_path / "moved")
    _, second, remarks = zfexplore("index", source=("--images", str(tmp_path / "moved"), *net))
    assert remarks == ""
    assert second.splitlines()[0] == "images     6 of moved"
    assert second.splitlines()[-1] == first.splitlines()[-1]


def test_by_which_range_deep_images_are_shown_is_told_once(zfexplore, tmp_path, material):
    import numpy as np
    from PIL import Image

    (tmp_path / "set").mkdir()
    for number in range(2):
        ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64) // (number + 1)
        Image.fromarray(ramp).save(tmp_path / "set" / f"{number}.tif")
    source = ("--images", str(tmp_path / "set"), "--checkpoint", "net.safetensors")
    told = (
        "images of more than 8 bits are shown by their own range: 1 (1.tif) by 11 bits; 1 (0.tif) by 12 bits"
    )
    assert zfexplore("index", source=source)[2].count(told) == 1
    assert told not in zfexplore("top", "conv1", source=source)[2]


def test_without_a_cache_the_index_is_made_all_the_same_and_not_said_to_be_kept(
    zfexplore, tmp_path, monkeypatch
):
    (tmp_path / "cache").write_text("a file in its place")
    code, out, remarks = zfexplore("index")
    assert (code, out.splitlines()[-1]) == (0, "index      not kept")
    assert remarks.count("ZFEXPLORE_CACHE names the folder of the cache") == 1
    assert "index: 7 of 7" in remarks
