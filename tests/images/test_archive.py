"""Archives as sources: the same images and classes as the folder they were made from, and no traps."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from zfexplore.errors import ExploreError
from zfexplore.images import archive
from zfexplore.images.archive import open_archive, split_path
from zfexplore.images.folder import open_folder
from zfexplore.images.open import open_images
from zfexplore.images.remarks import remarks
from zfexplore.images.sources import UnreadableImage, left_out

KINDS = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))


def png(colour="red", size=(9, 7)) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def pack(tmp_path):
    """Give a function that packs {name: bytes} into an archive of a kind."""

    def packed(members, kind="zip", name="album", method=zipfile.ZIP_DEFLATED):
        path = tmp_path / f"{name}.{kind}"
        if kind == "zip":
            with zipfile.ZipFile(path, "w", method) as file:
                for member, data in members.items():
                    file.writestr(member, data)
            return path
        with tarfile.open(path, f"w:{kind[4:]}") as file:
            for member, data in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
        return path

    return packed


def names(source) -> list[str]:
    return [source.image_name(index) for index in range(len(source))]


def reasons(source) -> dict[str, str]:
    return {record.name: record.reason for record in left_out(source)}


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_gives_the_images_of_its_folder(folder, tmp_path, pack, kind):
    root = folder("cat/1.png", "cat/2.jpg", "dog/1.png")
    files = {path.relative_to(root.parent).as_posix(): path.read_bytes() for path in root.rglob("*.*g")}
    source, unpacked = open_images(pack(files, kind)), open_folder(root)
    assert source.name == "album"
    assert names(source) == names(unpacked) == ["cat/1.png", "cat/2.jpg", "dog/1.png"]
    assert source.classes == ("cat", "dog")
    assert [source.label(index) for index in range(3)] == [0, 0, 1]
    for one, other in zip(source, unpacked, strict=True):
        assert np.array_equal(np.asarray(one.image), np.asarray(other.image))
    assert len(open_archive(pack(files, kind), limit=2)) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_it_can_be_read_by_threads_and_in_other_processes(pack, kind):
    members = {f"{number}.png": png((number, 0, 0)) for number in range(60)}
    source = pickle.loads(pickle.dumps(open_archive(pack(members, kind))))
    with ThreadPoolExecutor(8) as pool:
        reds = list(pool.map(lambda index: source[index].image.getpixel((0, 0))[0], range(60)))
    assert reds == list(range(60))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_the_fingerprint_follows_the_content_and_not_the_name(pack, kind):
    first = open_archive(pack({"a.png": png("red")}, kind, "one")).fingerprint()
    assert open_archive(pack({"a.png": png("red")}, kind, "two")).fingerprint() == first
    assert open_archive(pack({"a.png": png("blue")}, kind, "three")).fingerprint() != first


def test_an_archive_in_the_working_folder_may_be_written_without_a_path(pack, monkeypatch, tmp_path):
    pack({"a.png": png()})
    monkeypatch.chdir(tmp_path)
    source = open_images("album.zip")
    monkeypatch.chdir("/")
    assert source[0].image.size == (9, 7)


def test_parts_are_given_as_if_the_archive_were_a_folder(pack):
    path = pack({f"set/{part}/{kind}/1.png": png() for part in ("train", "val") for kind in ("cat", "dog")})
    with pytest.raises(
        ExploreError, match=r"the parts train, val of a set; give one of them, such as .*zip/set/train$"
    ):
        open_images(path)
    source = open_images(f"{path}/set/val")
    assert (source.name, source.classes, names(source)) == ("val", ("cat", "dog"), ["cat/1.png", "dog/1.png"])
    with pytest.raises(ExploreError, match=r"no images below .*album.zip/test"):
        open_images(f"{path}/test")


def test_a_path_is_split_at_the_file(tmp_path):
    (tmp_path / "a.zip").touch()
    assert split_path(tmp_path / "a.zip") == (tmp_path / "a.zip", "")
    assert split_path(tmp_path / "a.zip" / "b" / "c") == (tmp_path / "a.zip", "b/c")
    assert split_path(tmp_path / "b") is None


def test_labels_may_come_from_a_file(pack, tmp_path):
    (tmp_path / "labels.csv").write_text("1,cat\n2,dog\n")
    source = open_images(pack({"1.png": png(), "2.png": png()}), labels=tmp_path / "labels.csv")
    assert source.classes == ("cat", "dog")


def test_what_is_no_picture_of_ours_is_left_out_and_named(pack):
    members = {
        "a.png": png(),
        "noname": png(),
        "__MACOSX/._a.png": b"x",
        ".b.png": b"x",
        "c.svg": b"x",
        "d.txt": b"x",
    }
    source = open_archive(pack(members))
    assert names(source) == ["a.png", "noname"]
    assert reasons(source) == {
        "__MACOSX": "made by a system or a tool",
        ".b.png": "hidden",
        "c.svg": "a drawing in SVG is not read: export it as PNG",
    }


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("name", ["/etc/a.png", "../a.png", "b/../../a.png", "C:\\a.png", "..\\a.png"])
def test_members_that_lead_out_are_left_out(pack, kind, name):
    source = open_archive(pack({"a.png": png(), name: png()}, kind))
    assert names(source) == ["a.png"]
    assert set(reasons(source).values()) == {"its name leads out of the archive"}


def test_links_are_not_followed(tmp_path, pack):
    secret = tmp_path / "secret.png"
    secret.write_bytes(png())
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for name, kind in (
            ("soft.png", tarfile.SYMTYPE),
            ("hard.png", tarfile.LNKTYPE),
            ("pipe.png", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, str(secret)
            file.addfile(info)
        info = tarfile.TarInfo("a.png")
        info.size = len(png())
        file.addfile(info, io.BytesIO(png()))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        link = zipfile.ZipInfo("soft.png")
        link.external_attr = 0o120777 << 16
        file.writestr(link, str(secret))
        file.writestr("a.png", png())
    link_told = "a link in an archive is not followed"
    assert reasons(open_archive(tmp_path / "a.tar")) == {
        "soft.png": link_told, "hard.png": link_told, "pipe.png": "it is no plain file",
    }  # fmt: skip
    assert reasons(open_archive(tmp_path / "a.zip")) == {"soft.png": link_told}


def test_a_member_that_unpacks_to_more_than_it_says_is_unreadable(pack):
    path = pack({"a.png": png(), "bomb.png": bytes(50_000_000)})
    data = bytearray(path.read_bytes())
    assert len(data) < 100_000
    place = data.rindex(struct.pack("<I", 50_000_000))  # in the directory at the end
    data[place : place + 4] = struct.pack("<I", 1000)
    path.write_bytes(data)
    source = open_archive(path)
    assert source[0].image.size == (9, 7)
    with pytest.raises(UnreadableImage, match="unpacks to more than it says"):
        source[1]


def test_a_member_of_an_absurd_size_is_left_out(pack, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBER", 2**20)
    for kind in ("zip", "tar"):
        source = open_archive(pack({"a.png": png(), "big.png": bytes(2**20 + 1)}, kind))
        assert reasons(source) == {"big.png": "it unpacks to more than 1 MB"}


def test_a_compressed_tar_of_an_absurd_size_is_refused_and_leaves_nothing(pack, monkeypatch, tmp_path):
    monkeypatch.setattr(archive, "MAX_TAR", 100_000)
    path = pack({"a.png": bytes(50_000_000)}, "tar.gz")
    with pytest.raises(ExploreError, match="unpacks to an absurd size .a decompression bomb."):
        open_archive(path)
    assert list((tmp_path / "cache" / "archives").iterdir()) == []


def test_where_the_cache_takes_no_copy_it_is_made_aside_and_that_is_told(pack, monkeypatch, tmp_path):
    path = pack({"a.png": png("red")}, "tar.gz")
    (tmp_path / "full").write_text("a file in its place")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "full"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    ends = []
    monkeypatch.setattr("atexit.register", ends.append)
    for _ in range(2):  # the second time it is there
        source = open_archive(path)
        assert source[0].image.getpixel((0, 0)) == (255, 0, 0)
        (told,) = remarks(source)
        assert told.startswith(f"{path} is unpacked anew each time: {tmp_path / 'full' / 'archives'}")
        assert told.endswith(": ZFEXPLORE_CACHE names the folder of the cache")
    (folder,) = (tmp_path / "tmp").iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    (end,) = ends
    end()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_encrypted_member_is_left_out(pack):
    path = pack({"a.png": png(), "b.png": png()})
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\1\2") + 8] |= 1  # the flag in the directory
    path.write_bytes(data)
    assert reasons(open_archive(path)) == {"b.png": "it is encrypted: unpack the archive"}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_is_unreadable_and_named(pack, method):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))
    written = io.BytesIO()
    noise.save(written, "BMP")
    path = pack({"a.bmp": written.getvalue()}, method=method)
    data = bytearray(path.read_bytes())
    data[2000] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UnreadableImage, match=r"image 0 \(a.bmp\) cannot be read: the archive is damaged"):
        open_archive(path)[0]


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_truncated_archive_is_one_line(pack, kind):
    noise = {f"{number}.png": os.urandom(20_000) for number in range(3)}
    path = pack(noise, kind)
    path.write_bytes(path.read_bytes()[:30_000])
    with pytest.raises(ExploreError, match=r"^(cannot read .*album|.*album.* is a damaged archive)"):
        open_archive(path)


def test_two_members_of_one_name_are_told_and_the_later_counts(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a.png", png("red"))
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("a.png", png("blue"))
    source = open_archive(tmp_path / "a.zip")
    assert reasons(source) == {"a.png": "a later member has the same name"}
    assert source[0].image.getpixel((0, 0)) == (0, 0, 255)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Rar!\x1a\x07\x01\x00", "packed in a way that is not read: unpack it, or make it a zip"),
        (b"7z\xbc\xaf\x27\x1c", "packed in a way that is not read"),
        (b"hello", "is a file; give the folder that holds the images, or an archive of them"),
        (b"", "is a file; give the folder"),
    ],
)
def test_what_is_no_archive_says_what_to_do(tmp_path, data, message):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(ExploreError, match=message) as caught:
        open_images(tmp_path / "a")
    assert caught.value.exit_code == 2


def test_an_archive_without_images_is_an_error(pack):
    with pytest.raises(ExploreError, match=r"^no images below .*album.zip"):
        open_archive(pack({"notes.txt": b"x"}))


def test_a_tar_with_a_damaged_header_is_refused_and_not_read_as_a_shorter_one(pack):
    path = pack({f"{number}.png": png() for number in range(3)}, "tar")
    data = bytearray(path.read_bytes())
    data[1024] ^= 1  # the second header
    path.write_bytes(data)
    with pytest.raises(ExploreError, match=r"is a damaged archive: no header at byte 1,024"):
        open_archive(path)
