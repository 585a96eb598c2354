"""Tar shards: what a folder of them, a pattern or one of them gives, and what is refused and how."""

# tests zfexplore/images/shard_index.py too: an index is seen by what the source has
# tests zfexplore/images/shard_classes.py too: the classes are those of the source

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from zfexplore.errors import ExploreError
from zfexplore.images import shard_index
from zfexplore.images.open import open_images
from zfexplore.images.sources import NoImages, UnreadableImage, left_out


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))


def png(red=255) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (9, 7), (red, 0, 0)).save(data, "PNG")
    return data.getvalue()


def write(path, *members):
    """Write a tar of (name, bytes), or of TarInfo without data, in the order given."""
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return path


def sample(key, label, red=255):
    return (f"{key}.png", png(red)), (f"{key}.cls", str(label).encode())


@pytest.fixture
def set_of_three(tmp_path):
    """Three shards of two images in the classes 0, 7 and 10; each red value is the image's number."""
    for shard in range(3):
        members = [sample(f"{key:06d}", (10, 7, 0)[shard], shard * 2 + key) for key in range(2)]
        write(tmp_path / "set" / f"train-{shard:02d}.tar", *(each for pair in members for each in pair))
    return tmp_path / "set"


def names(source):
    return [source.image_name(index) for index in range(len(source))]


def named_labels(source):
    labels = [source.label(index) for index in range(len(source))]
    return [None if label is None else source.classes[label] for label in labels]


def reasons(source):
    return {record.name: record.reason for record in left_out(source)}


def test_folder_braces_and_glob_give_the_same_images_by_place(set_of_three):
    source = open_images(set_of_three)
    assert names(source)[:3] == ["train-00/000000.png", "train-00/000001.png", "train-01/000000.png"]
    assert source.classes == ("0", "7", "10")  # as numbers, not as words
    assert named_labels(source) == ["10", "10", "7", "7", "0", "0"]
    for pattern in ("train-{00..02}.tar", "train-*.tar", "train-0{0,1,2}.tar"):
        same = open_images(f"{set_of_three}/{pattern}")
        assert (names(same), same.fingerprint()) == (names(source), source.fingerprint())
    copy = pickle.loads(pickle.dumps(source))  # as worker processes get it
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda index: copy[index].image.getpixel((0, 0))[0], range(6))) == [*range(6)]
    assert (len(open_images(set_of_three, limit=3)), source.byte_count(0)) == (3, len(png(0)))
    one = open_images(set_of_three / "train-01.tar")
    assert (one.name, names(one), one.classes) == ("train-01", ["000000.png", "000001.png"], ("7",))


def test_a_pattern_that_names_what_is_not_there_is_one_line(set_of_three, tmp_path):
    with pytest.raises(ExploreError, match=r"2 of the shards of .* missing, the first is .*train-03.tar"):
        open_images(f"{set_of_three}/train-{{00..04}}.tar")
    with pytest.raises(NoImages, match="no folder .*photo., and no images of that name"):
        open_images("{set,my}?photo")
    with pytest.raises(NoImages, match="no files match"):
        open_images(f"{set_of_three}/val-*.tar")
    with pytest.raises(ExploreError, match="more than 100,000 shards"):
        open_images(f"{set_of_three}/{{0..999999}}-{{0..9}}.tar")
    (set_of_three / "notes.md").write_text("x")
    with pytest.raises(ExploreError, match=r"names .*notes.md, which is no shard: they end in .tar"):
        open_images(f"{set_of_three}/*")


def test_classes_are_named_by_the_file_beside_the_shards(set_of_three):
    (set_of_three / "classes.txt").write_text("\n".join(f"class {number}" for number in range(8)))
    source = open_images(set_of_three)
    assert len(source.classes) == 8
    assert named_labels(source) == [None, None, "class 7", "class 7", "class 0", "class 0"]
    assert reasons(source)["train-00/000000.png"] == "its class 10 is not among the 8 of classes.txt"
    (set_of_three / "classes.txt").unlink()
    by_number = {str(number): [f"n{number}", "crane" if number in (7, 10) else "x"] for number in range(11)}
    (set_of_three / "classes.json").write_text(json.dumps(by_number))
    assert named_labels(open_images(set_of_three))[1:] == ["crane (10)", *["crane (7)"] * 2, *["x (0)"] * 2]
    for wrong in ('{"0": "a", "00": "b"}', "[1]", "[", "{}", '{"-1": "a"}', '{"99999999999": "a"}'):
        (set_of_three / "classes.json").write_text(wrong)
        with pytest.raises(ExploreError, match=r"classes.json does not name the classes: write a list"):
            open_images(set_of_three)


def test_what_stands_beside_a_picture_gives_its_class(tmp_path):
    path = write(
        tmp_path / "set" / "a.tar",
        ("first.PNG", png()), ("first.CLS", b"07"),
        ("json.png", png()), ("json.json", b'{"label": 7}'),
        ("named.png", png()), ("named.json", b'{"label": 3, "class_name": "tench"}'),
        ("said.png", png()), ("said.txt", b"7\n"),
        ("told.png", png()), ("told.txt", b"a dog on a beach"),
        ("broken.png", png()), ("broken.json", b"{"), ("broken.cls", b"two\nlines"),
        ("big.png", png()), ("big.cls", b"7" * 5000),
        ("both.png", png()), ("both.jpg", png()), ("both.seg.png", png()), ("both.cls", b"7"),
        ("eyes.left.png", png()), ("eyes.right.png", png()), ("eyes.cls", b"7"), ("eyes.right.cls", b"9"),
    )  # fmt: skip
    source = open_images(path)
    of = dict(zip(names(source), named_labels(source), strict=True))
    assert of == {
        "first.PNG": "7", "json.png": "7", "named.png": "tench", "said.png": "7", "told.png": None,
        "broken.png": None, "big.png": None, "both.png": "7", "eyes.left.png": "7", "eyes.right.png": "9",
    }  # fmt: skip
    another = "another picture of its sample comes first"
    assert reasons(source) == {
        "broken.json": "no label can be read from it",
        "broken.cls": "no label can be read from it",
        "big.cls": "it is too large for a label",
        "both.jpg": another,
        "both.seg.png": another,
    }


def test_without_labels_the_folders_inside_are_the_classes_and_a_table_wins(tmp_path):
    for shard, kind in enumerate(("cat", "dog")):
        write(tmp_path / "set" / f"{shard}.tar", *((f"{kind}/{key}.png", png()) for key in range(2)))
    source = open_images(tmp_path / "set")
    assert (source.classes, named_labels(source)) == (("cat", "dog"), ["cat", "cat", "dog", "dog"])
    (tmp_path / "table.csv").write_text("0/cat/0.png,a\n1/dog/1.png,b\n")
    assert named_labels(open_images(tmp_path / "set", labels=tmp_path / "table.csv")) == [
        "a",
        None,
        None,
        "b",
    ]


def test_a_tar_of_pictures_alone_stays_an_archive_and_a_folder_with_pictures_a_folder(tmp_path):
    tar = write(tmp_path / "set" / "a.tar", ("cat/1.png", png()), ("dog/2.png", png()))
    assert type(open_images(tar)).__name__ == "ArchiveSource"
    (tmp_path / "set" / "b.png").write_bytes(png())
    assert names(open_images(tmp_path / "set")) == ["b.png"]


def test_links_devices_and_names_that_lead_out_are_left_out_and_never_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(shard_index, "MAX_MEMBER", 1000)
    (tmp_path / "secret.png").write_bytes(png())
    odd = []
    soft, hard, device = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
    for name, kind in (("soft.png", soft), ("hard.png", hard), ("d.png", device), ("l.cls", soft)):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, str(tmp_path / "secret.png")
        odd.append(info)
    lead_out = (("/etc/a.png", png()), ("../b.png", png()), ("C:\\c.png", png()))
    path = write(
        tmp_path / "a.tar", *sample("ok", 1), *odd, *lead_out, (".hid.png", png()), ("x.png", bytes(1001))
    )
    source = open_images(path)
    assert names(source) == ["ok.png"]
    link, out = "a link in an archive is not followed", "its name leads out of the archive"
    assert reasons(source) == {
        "soft.png": link, "hard.png": link, "l.cls": link, "d.png": "it is no plain file",
        "/etc/a.png": out, "../b.png": out, "C:\\c.png": out, ".hid.png": "hidden",
        "x.png": "it is larger than 0 MB",
    }  # fmt: skip


def test_a_shard_that_is_not_whole_is_refused_with_one_line(set_of_three):
    shard = set_of_three / "train-01.tar"
    whole = shard.read_bytes()
    packed = r"train-01.tar is compressed, .*: unpack it once, with `gunzip -k`"
    cases = {
        "cut within a picture": (whole[:700], "no whole shard: it is cut short"),
        "cut between members": (whole[:1024], "no whole shard: it is cut short: it has no end at byte 1,024"),
        "a damaged header": (whole[:1024] + b"x" + whole[1025:], "no whole shard: no header at byte 1,024"),
        "two put together": (whole + whole, "no whole shard: it goes on behind its end"),
        "empty": (b"", "no whole shard: it is cut short"),
        "no tar": (b"hello" * 300, "no whole shard: it is no tar"),
        "packed": (gzip.compress(whole), packed),
    }
    for data, told in cases.values():
        shard.write_bytes(data)
        with pytest.raises(ExploreError, match=told) as caught:
            open_images(set_of_three)
        assert "\n" not in str(caught.value)


def test_an_index_is_made_once_and_anew_when_shard_or_cache_changed(set_of_three, tmp_path, monkeypatch):
    for shard in set_of_three.iterdir():
        os.utime(shard, (1, 1))
    monkeypatch.setattr("zfexplore.images.content._SETTLED", 0.0)
    time.sleep(0.02)  # until the times of change lie behind
    source = open_images(set_of_three)
    fingerprint = source.fingerprint()
    with monkeypatch.context() as patched:
        patched.setattr(shard_index, "members", None)
        assert open_images(set_of_three).fingerprint() == fingerprint
    for kept in (tmp_path / "cache").rglob("*"):
        if kept.is_file():
            kept.write_text('{"entries":[["a.png",-5,1,"",null,null]],"left_out":[]}')
    assert open_images(set_of_three).fingerprint() == fingerprint
    write(set_of_three / "train-00.tar", *sample("000000", 10, red=99))
    with pytest.raises(UnreadableImage, match=r"train-00.tar has changed since it was opened"):
        source[0]
    assert source[2].image.getpixel((0, 0))[0] == 2
    changed = open_images(set_of_three)
    assert (len(changed), changed[0].image.getpixel((0, 0))[0]) == (5, 99)
    assert np.array_equal(np.asarray(changed[1].image), np.asarray(source[2].image))
