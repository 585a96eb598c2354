"""``zfexplore train --dry-run`` as it is typed, on shards: what it says, and that it leaves nothing."""

from __future__ import annotations

import io
import tarfile

from PIL import Image

from zfexplore.cli.dry_run import in_bytes, in_time


def test_it_says_what_shards_hold_and_leaves_nothing(tmp_path, monkeypatch, type_command):
    monkeypatch.setattr("zfexplore.training.dry_run.SECONDS", 0.0)
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    picture = io.BytesIO()
    Image.new("RGB", (90, 80), "red").save(picture, "PNG")
    for shard in range(2):
        with tarfile.open(tmp_path / f"train-{shard:04d}.tar", "w") as tar:
            for key in range(5):
                for ending, data in (("png", picture.getvalue()), ("cls", b"%d" % (key % 2))):
                    info = tarfile.TarInfo(f"{key}.{ending}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    small = ("--size", 56, "--fc", 8, "--epochs", 2, "--batch-size", 4, "--device", "cpu", "--no-amp")
    images = ("--images", "../train-{0000..0001}.tar")
    code, out, err = type_command("train", "--dry-run", *images, *small, "--hours", 0.5)
    assert code == 0, err
    said = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert said["images"].strip() == "8 to train on, 2 held out"
    assert said["classes"].strip() == "2"
    assert said["steps"].strip() == "2 an epoch, 4 in all"
    assert f"read in an epoch          {in_bytes(8 * len(picture.getvalue()))} " in out
    assert "for 0.5 h it needs" in out
    ranks = {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "nowhere"}
    for name, value in ranks.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TORCH_CPP_LOG_LEVEL", "ERROR")  # which the command sets, too
    code, out, err = type_command("train", "--dry-run", *images, *small)
    assert code == 0, err
    said = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert said["ranks"].strip() == "2, 1 on this machine; the first learns from 2 images of a step"
    half = in_bytes(4 * len(picture.getvalue()))
    assert f"{in_bytes(8 * len(picture.getvalue()))}, {half} by each rank" in out
    monkeypatch.setenv("RANK", "1")
    assert type_command("train", "--dry-run", *images, *small)[:2] == (0, "")
    for name in ranks:
        monkeypatch.delenv(name)
    assert list((tmp_path / "here").iterdir()) == []
    for words, told in (
        (("train", *images), "error: --out is missing: name a folder for the run"),
        (("train", *images, "--out", "run", "--hours", 3), "error: --hours needs --dry-run"),
    ):
        code, _, err = type_command(*words)
        assert (code, err.startswith(told)) == (2, True)


def test_bytes_and_times_are_told_in_units_that_fit():
    assert [in_bytes(count) for count in (999, 144_100_000_000, 2.5e12, 4e15)] == [
        "999 bytes", "144 GB", "2.5 TB", "4,000 TB",
    ]  # fmt: skip
    assert [in_time(seconds) for seconds in (59, 61, 3599, 36_000, 200_000)] == [
        "59 s", "1 min", "1 h 0 min", "10 h 0 min", "2.3 days",
    ]  # fmt: skip
