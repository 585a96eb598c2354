"""The Explorer on a small net and six labelled pictures: what commands and notebooks get from it."""

# tests zfexplore/drawings.py too: its figures are those of an Explorer, which takes seconds to open
# tests zfexplore/explained.py too: it is an Explorer's
# tests zfexplore/on_pictures.py too: it is an Explorer's
# tests zfexplore/open_settings.py too: an Explorer is opened with it
# tests zfexplore/opened.py too: it is what an Explorer is of
# tests zfexplore/studied.py too: it is what an Explorer is asked
from __future__ import annotations

import io
import json
import os
import re
import shlex
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zfexplore
from tests import foreign
from tests.support import checkpoint_of, noise_picture, small_net, write_pictures, write_zfnet
from zfexplore.atlas.build import Partial
from zfexplore.cli.main import main
from zfexplore.convention import InputConvention
from zfexplore.deconv import dense
from zfexplore.deconv.project import project
from zfexplore.errors import ExploreError
from zfexplore.exemplars.records import ChannelExemplars, Exemplar
from zfexplore.explained import Explained, figure_names
from zfexplore.explorer import Explorer
from zfexplore.figures.captions import images_in_words
from zfexplore.figures.provenance import read_chunks
from zfexplore.images.open import open_images
from zfexplore.on_pictures import default_name
from zfexplore.open_settings import open_settings
from zfexplore.progress import Finished, finish
from zfexplore.settings import Settings
from zfexplore.training.recipe import recipe
from zfexplore.units import Unit


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A ZFNet for inputs of 64 pixels with random weights, and six pictures in two classes."""
    folder = tmp_path_factory.mktemp("explorer")
    write_zfnet(folder / "net.safetensors")
    write_pictures(folder / "pictures")
    return folder


@pytest.fixture(autouse=True)
def _own_cache(folder, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(folder / "cache"))


@pytest.fixture(scope="module")
def explorer(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZFEXPLORE_CACHE", str(folder / "cache"))
        return Explorer(images=folder / "pictures", checkpoint=folder / "net.safetensors")


def test_what_is_in_the_cache_is_not_built_again(explorer, folder, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("the atlas is there already")

    monkeypatch.setattr("zfexplore.atlas.open.build_atlas", forbidden)
    again = Explorer(images=str(folder / "pictures"), checkpoint=str(folder / "net.safetensors"))
    assert again.atlas.fingerprint == explorer.atlas.fingerprint
    assert repr(again) == "<Explorer of zfnet on 6 images of pictures>"


def test_classes_may_come_from_a_file_and_the_figures_command_repeats_it(folder, tmp_path):
    (tmp_path / "labels.csv").write_text("0,even\n1,odd\n2,even\n3,odd\n4,even\n5,odd\n")
    labels = tmp_path / "labels.csv"
    opened = Explorer(images=folder / "pictures", checkpoint=folder / "net.safetensors", labels=labels)
    assert opened.atlas.classes == ("even", "odd")
    assert opened.top("conv5:3")[0]["label"] in ("even", "odd")
    assert str(opened.made(Unit("conv5", 3)).command).endswith(shlex.join(["--labels", str(labels)]))


def test_it_works_on_a_part_of_the_atlas_while_that_is_built(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(tmp_path))
    settings = Settings(str(folder / "pictures"), str(folder / "net.safetensors"))
    opened = Explorer.of(settings, *open_settings(settings))
    assert not opened.indexed
    with pytest.raises(ExploreError, match="not indexed yet"):
        opened.top("conv5")
    counts = []
    for event in opened.index(seconds_between_partials=0.0, batch_size=2):
        if isinstance(event, Partial):
            counts.append(opened.atlas.count)
            assert len(opened.top("conv5:3")) == opened.atlas.count
    assert counts
    assert counts == sorted(counts)
    assert opened.atlas.count == 6


@pytest.mark.parametrize(
    ("layer", "channels", "complaint"),
    [("conv9", "all", "no layer 'conv9'"), ("pool1", "all", "pool1 is not indexed"), ("conv5", "256", "256")],
)
def test_what_is_not_there_is_refused_before_images_are_opened(folder, layer, channels, complaint):
    settings = Settings(str(folder / "no such folder"), str(folder / "net.safetensors"))
    with pytest.raises(ExploreError, match=complaint):
        open_settings(settings, layer, channels)


def test_a_figure_is_the_file_that_its_command_writes(explorer, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (mine,) = explorer.figure("conv3", "7,130", tile=20, title="two of them").save("mine.png")
    command = shlex.split(read_chunks(mine)["command"])
    assert command[:7] == ["zfexplore", "export", "grid", "--layer", "conv3", "--channels", "7,130"]
    theirs = ["theirs.png" if word == "mine.png" else word for word in command]
    monkeypatch.setattr("sys.argv", theirs)
    with pytest.raises(SystemExit) as leave:
        main()
    assert leave.value.code == 0
    assert read_chunks("theirs.png") == {
        **read_chunks(mine), "command": read_chunks(mine)["command"].replace("mine", "theirs"),
    }  # fmt: skip
    with Image.open(mine) as one, Image.open("theirs.png") as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_layers_and_filters_show_what_their_names_say(explorer):
    layers = explorer.layers("top1", tile=24)
    assert {name.split(":")[0] for name in layers.tables} == {
        "conv1", "conv2", "conv3", "conv4", "conv5", "pool5",
    }  # fmt: skip
    filters = explorer.filters("0-2", tile=24)
    assert list(filters.tables) == ["conv1:0", "conv1:1", "conv1:2"]
    np.testing.assert_array_equal(explorer.kernels(), explorer.checkpoint.module.conv1.weight.numpy())


def test_a_channel_gives_its_exemplars_in_order(explorer):
    channel = explorer.channel("conv5:130")
    assert [exemplar.rank for exemplar in channel] == list(range(len(channel)))
    assert [exemplar.place.value for exemplar in channel] == [
        pytest.approx(row["value"], rel=1e-6) for row in channel.places[: len(channel)]
    ]
    assert channel[0].channel == Unit("conv5", 130)


def test_one_channel_and_many_give_the_same_exemplars(explorer):
    units = [Unit("conv4", channel) for channel in range(3)]
    events = list(explorer.exemplars(units))
    together = {event.channel: event.exemplars for event in events if isinstance(event, ChannelExemplars)}
    assert sum(isinstance(event, Exemplar) for event in events) == sum(map(len, together.values()))
    for unit in units:
        alone = explorer.channel(unit).exemplars
        assert len(alone) == len(together[unit])
        for one, other in zip(alone, together[unit], strict=True):
            assert one.place == other.place
            np.testing.assert_allclose(one.crop, other.crop, rtol=0, atol=1e-5 * np.abs(one.crop).max())


def test_images_seen_lately_are_not_read_again(explorer, monkeypatch):
    monkeypatch.setattr("zfexplore.opened.SEEN_KEPT", 2)
    read = []

    class Source:
        def __getitem__(self, number):
            read.append(number)
            return explorer.source[number]

    fresh = Explorer.of(explorer.settings, explorer.checkpoint, Source())
    seen = [fresh.look(number).pixels for number in (3, 4, 3, 5, 3, 4)]
    assert read == [3, 4, 5, 4]  # 4 had made way for 5
    np.testing.assert_array_equal(seen[0], seen[2])
    assert not np.array_equal(seen[0], seen[1])


def test_a_unit_is_projected_on_a_picture_of_ones_own(explorer, folder):
    path = folder / "pictures" / "a" / "0.png"
    batch = explorer.look(0).batch
    wanted = dense.project(explorer.checkpoint.net, batch, "conv5", 130)
    for picture in (path, str(path), Image.open(path), 0):
        found = explorer.project(picture, "conv5:130", method="dense")
        assert torch.equal(found.pixels, wanted.pixels)
    y, x = wanted.position[0].tolist()
    there = explorer.project(path, f"conv5:130@{y},{x}")
    torch.testing.assert_close(
        there.pixels, wanted.pixels, rtol=0, atol=1e-5 * float(wanted.pixels.abs().max())
    )
    assert there.unit(0) == Unit("conv5", 130, y, x)


def test_the_method_reaches_the_deconvnet(explorer, monkeypatch):
    monkeypatch.setattr(dense, "project_request", lambda *_: (_ for _ in ()).throw(RuntimeError("dense")))
    explorer.channel("conv4:1")
    with pytest.raises(RuntimeError, match="dense"):
        explorer.channel("conv4:1", method="dense")


def test_top_gives_plain_records_that_print_as_a_table(explorer):
    records = explorer.top("conv5", by="max", count=3)
    assert [row["max"] for row in records] == sorted((row["max"] for row in records), reverse=True)
    assert "conv5: 3 of 256 channels, by max" in str(records)
    assert records[0]["channel"] in str(records)
    assert repr(records) == "<Records 'conv5: 3 of 256 channels, by max': 3 rows>"
    html = records._repr_html_()
    assert html.count("<tr>") == 4
    assert f"<td>{records[0]['channel']}</td>" in html
    named = explorer.top("fc8", count=1)
    assert named[0]["stands_for"] in ("a", "b", "c")


def test_a_channel_prints_as_the_table_of_its_places(explorer):
    channel = explorer.channel("conv5:130")
    assert str(channel) == str(explorer.top("conv5:130"))
    assert "activation" in str(channel)
    assert repr(channel) == f"<Channel conv5:130: {len(channel)} exemplars>"


def test_everything_shows_itself_in_a_notebook_and_tells_itself_shortly(explorer):
    channel = explorer.channel("conv3:5")
    projection = explorer.project(0, "conv3:5")
    found = ChannelExemplars(channel.unit, channel.exemplars)
    for shown in (channel, channel[0], projection, channel.figure(tile=20)):
        with Image.open(io.BytesIO(shown._repr_png_())) as image:
            assert len(image.convert("L").getcolors()) > 10
    for told in (explorer, channel, channel[0], found, projection, channel.figure(tile=20)):
        assert re.fullmatch(r"<.{5,120}>", repr(told))
    assert repr(channel[0]).startswith(f"<Exemplar {channel[0].unit} on ")
    assert repr(projection) == f"<Projection of {projection.unit(0)} {float(projection.activation[0]):.4g}>"


def test_many_projections_are_told_by_the_first_three(explorer):
    found = explorer.project(0, "conv3:5")
    many = dense.project(explorer.checkpoint.net, explorer.look(0).batch, "conv3", [5, 6, 7, 8, 9])
    assert repr(many).endswith("and 2 more>")
    assert repr(many).startswith(repr(found)[: len("<Projection of conv3:5@")])


def test_the_atlas_is_written_in_the_form_that_its_name_ends_in(explorer, tmp_path):
    for form, beginning in (("csv", b"channel,"), ("json", b"{"), ("npz", b"PK")):
        path = explorer.save_atlas(tmp_path / f"atlas.{form}")
        assert path.read_bytes().startswith(beginning)
    assert explorer.save_atlas(tmp_path / "x", "csv").read_bytes().startswith(b"channel,")
    with pytest.raises(ExploreError, match="csv, json or npz, not 'xls'"):
        explorer.save_atlas(tmp_path / "atlas.xls")


def test_progress_comes_before_the_channel(explorer):
    *events, last = explorer.projecting(Unit("conv5", 130))
    assert isinstance(last, Finished)
    assert {event.task for event in events} == {"projecting conv5:130"}


def test_the_studies_take_the_same_pictures(explorer, folder):
    path = folder / "pictures" / "a" / "0.png"
    first, *_ = explorer.rank(path, "conv5")
    assert first == explorer.rank(0, "conv5")[0]
    assert first.unit.stage == "conv5"
    fed = explorer.feeds(path, first.unit)
    assert fed.activation == pytest.approx(first.activation, rel=1e-4)
    assert fed.unit == first.unit
    hidden = explorer.occlude(path, "conv5:130", square=32, stride=32)
    assert hidden.total.shape == (2, 2)
    assert hidden.unit == Unit("conv5", 130)


def test_a_picture_may_be_an_array_or_an_open_image(explorer):
    image = explorer.image(0)
    expected = explorer.project(0, "conv3:5", method="dense").pixels
    for picture in (np.asarray(image), image, np.int64(0)):
        assert torch.equal(explorer.project(picture, "conv3:5", method="dense").pixels, expected)
    grey = np.asarray(image.convert("L"))
    assert explorer.image(grey).getpixel((3, 4)) == (grey[4, 3],) * 3


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (99, "there is no image 99: pictures has 0-5"),
        (-1, "there is no image -1: pictures has 0-5"),
        (10**30, f"there is no image {10**30}: pictures has 0-5"),
        (None, "not None"),
        (True, "not True"),
        (1.5, "not 1.5"),
        (b"a.png", "not b'a.png'"),
        (torch.rand(3, 64, 64), "not a Tensor"),
        ([[1, 2], [3, 4]], r"not \[\[1, 2\], \[3, 4\]\]"),
        (np.zeros((64, 64, 3)), "uint8 .* not float64 64 x 64 x 3"),
        (".", "cannot be read: is a directory"),
        ("", "no picture was named"),
    ],
)
def test_what_is_no_picture_is_told_in_one_line(explorer, picture, message):
    for ask in (explorer.image, lambda it: explorer.project(it, "conv1:0")):
        with pytest.raises(ExploreError, match=message) as caught:
            ask(picture)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ("conv5", "'conv5' names no channel"),
        ("conv5:1:2", "'conv5:1:2' names no channel"),
        ("conv5:-1", "'conv5:-1' names no channel"),
        (None, "None names no channel"),
        (3, "3 names no channel"),
        (("conv5", 1), r"\('conv5', 1\) names no channel"),
        (Unit("conv5", -1), "conv5 has no channel -1: it has 0-255"),
        (Unit("conv5", 256), "conv5 has no channel 256: it has 0-255"),
        (Unit("conv5", "1"), "a unit's channel must be a whole number, not '1'"),
        (Unit("conv5", None), "a unit's channel must be a whole number, not None"),
        (Unit("conv5", True), "a unit's channel must be a whole number, not True"),
        (Unit("conv5", 1, 2), "a unit's column must be a whole number, not None"),
        (Unit("conv5", 1, 1.5, 2), "a unit's row must be a whole number, not 1.5"),
        (Unit(None, 1), "a unit's layer must be a name, not None"),
        ("conv9:1", "no layer 'conv9'"),
    ],
)
def test_what_is_no_unit_is_told_in_one_line(explorer, unit, message):
    asks = [
        explorer.channel,
        explorer.known,
        lambda it: explorer.project(0, it),
        lambda it: explorer.feeds(0, it),
        lambda it: explorer.occlude(0, it, square=32, stride=32),
        lambda it: list(explorer.exemplars([it])),
    ]
    for ask in asks if unit == "conv5" else [*asks, explorer.top]:  # top takes a layer
        with pytest.raises(ExploreError, match=message) as caught:
            ask(unit)
        assert "\n" not in str(caught.value)


def test_a_channel_may_be_text_or_numpys_everywhere(explorer):
    for unit in ("conv5:130", Unit("conv5", np.int64(130)), Unit("conv5", 130)):
        assert explorer.known(unit)["channel"] == explorer.channel(unit).known["channel"] == "conv5:130"
        (found,) = [event for event in explorer.exemplars([unit]) if isinstance(event, ChannelExemplars)]
        assert found.channel == Unit("conv5", 130)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda it: it.rank(0, ""), "no layer ''"),
        (lambda it: it.rank(0, ["conv5"]), "no layer"),
        (lambda it: it.figure("conv1", None), "None names no channels"),
        (lambda it: it.figure("conv1", "top1", tile="a"), "a tile must be a whole number"),
        (lambda it: it.figure("conv1", "top1", title=3), "a title must be text, not 3"),
        (lambda it: it.figure("conv1", "top1", seed="a"), "seed must be a whole number"),
        (lambda it: it.channel("conv1:0").figure(tile=0), "a tile of 0 pixels cannot be drawn"),
        (lambda it: it.channel("conv1:0").figure(title=3), "a title must be text, not 3"),
        (lambda it: it.on("conv1:0", 0).figure(tile=1.5), "a tile must be a whole number, not 1.5"),
        (lambda it: it.on("conv1:0", 0).figure(title=3), "a title must be text, not 3"),
        (lambda it: it.explain(0, "conv1", 1).figure(tile=5000), "a tile of 5000 pixels cannot be drawn"),
        (lambda it: it.explain(0, "conv1", 1).figure(title=3), "a title must be text, not 3"),
        (lambda it: it.layers("top1", tile=None), "a tile must be a whole number"),
        (lambda it: it.filters("top1", tile=None), "a tile must be a whole number"),
        (lambda it: it.top("conv5", count=-1), "count must be at least 0, not -1"),
        (lambda it: it.top("conv5", count="all"), "count must be a whole number"),
        (lambda it: it.save_atlas(None), "the atlas's file must be a name or a path, not None"),
        (lambda it: it.look(99), "no image 99"),
        (lambda it: it.look("0"), "cannot be read"),
    ],
)
def test_what_is_no_option_is_told_in_one_line(explorer, ask, message):
    with pytest.raises(ExploreError, match=message) as caught:
        ask(explorer)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": None}, "images must be a name or a path, not None"),
        ({"images": 3}, "images must be a name or a path, not 3"),
        ({"checkpoint": 3}, "the checkpoint must be a name or a path, not 3"),
        ({"limit": "a"}, "--limit must be a whole number, not 'a'"),
        ({"device": None}, "no device 'None'"),
        ({"device": "cuda:99"}, "no device 'cuda:99' here"),
    ],
)
def test_what_opens_nothing_is_told_in_one_line(folder, options, message):
    with pytest.raises(ExploreError, match=message):
        Explorer(**{"images": folder / "pictures", "checkpoint": folder / "net.safetensors", **options})


def test_drawing_on_what_was_seen_changes_no_other_look(explorer):
    before = explorer.look(2).pixels.copy()
    explorer.look(2).pixels[:] = 0
    np.testing.assert_array_equal(explorer.look(2).pixels, before)


@pytest.mark.parametrize("layer", ["conv1", "fc8"])
def test_an_index_of_the_weights_before_they_were_changed_is_not_used(folder, layer):
    opened = Explorer(images=folder / "pictures", checkpoint=folder / "net.safetensors")
    before = opened.atlas
    getattr(opened.checkpoint.module, layer).weight.data.mul_(1.5)
    asks = [
        lambda: opened.top("conv5"),
        lambda: opened.channel("fc8:1"),
        lambda: opened.figure("conv1", "top1"),
        lambda: opened.layers("top1"),
        lambda: opened.filters("top1"),
        lambda: opened.rank(0),
        lambda: opened.save_atlas(folder / "x.csv"),
    ]
    for ask in asks:
        with pytest.raises(ExploreError, match="index|the atlas does not belong"):
            ask()
    finish(opened.index())
    assert opened.atlas.fingerprint != before.fingerprint
    assert opened.origin.weights == opened.atlas.header["weights"] != before.header["weights"]
    for ask in asks:
        ask()


def test_a_net_that_begins_with_a_pool_is_indexed_and_drawn(folder):
    net = nn.Sequential(nn.MaxPool2d(2), *small_net(20)[:6])
    checkpoint = checkpoint_of(net, 40, mean=(120.0, 110.0, 100.0), std=(60.0, 60.0, 60.0))
    settings = Settings(str(folder / "pictures"))
    opened = Explorer.of(settings, checkpoint, open_images(folder / "pictures"))
    finish(opened.index(stages=["pool0", "conv1", "pool1", "conv2"]))
    assert opened.atlas.stage("pool0").channels == 3
    assert opened.atlas.stage("pool0").map_size == (20, 20)
    exemplar = opened.channel("pool0:1")[0]
    batch = opened.look(exemplar.place.image).batch
    assert exemplar.activation == pytest.approx(float(batch[0, 1].max()))
    assert (exemplar.crop != 0).sum() == 1
    assert len(opened.layers("top1", tile=24).tables) == 4
    assert list(opened.figure("pool0", "all", tile=24).tables) == ["pool0:0", "pool0:1", "pool0:2"]
    with pytest.raises(ExploreError, match="no filters to show: its first layer is pool0"):
        opened.filters()


def test_what_was_seen_is_not_taken_for_other_images_or_another_fit(explorer, folder):
    fresh = Explorer.of(explorer.settings, explorer.checkpoint, explorer.source)
    cropped = fresh.look(0).pixels
    fresh.settings = replace(fresh.settings, fit="whole")
    assert not np.array_equal(fresh.look(0).pixels, cropped)
    fresh.settings = explorer.settings
    np.testing.assert_array_equal(fresh.look(0).pixels, cropped)
    fresh.source = open_images("specimens", limit=1)
    assert not np.array_equal(fresh.look(0).pixels, cropped)


# -- any net ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def residual(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZFEXPLORE_CACHE", str(folder / "cache"))
        convention = InputConvention(size=32, resize=36, scale=1.0)
        return Explorer(
            foreign.seeded(foreign.Residual), images=folder / "pictures", input=convention,
            classes=("p", "q", "r", "s"), rule="guided",
        )  # fmt: skip


def test_any_module_is_explored(residual, tmp_path):
    assert repr(residual) == "<Explorer of Residual on 6 images of pictures>"
    assert list(residual.atlas.stages) == ["stem", "blocks.0.conv2", "blocks.1.conv2", "blocks.2.conv2", "fc"]
    channel = residual.channel("blocks.1:3")  # the block gives the same map
    assert str(channel.unit) == "blocks.1.conv2:3"
    figure = residual.figure("blocks.1", "0-1", tile=16)
    assert "--rule guided" in str(figure.made.command)
    assert images_in_words(residual.origin).endswith(", by the guided rule")
    assert "'<Residual from Python>'" in str(figure.made.command)
    assert [path.name for path in figure.save(tmp_path / "x.png")] == ["x.png"]
    residual.layers("top1", tile=16).save(tmp_path / "all.png")
    residual.filters("0-1", tile=16).save(tmp_path / "filters.png")


def test_the_rule_reaches_the_projections(residual):
    found = residual.project(0, "blocks.1.conv2:3")

    net, batch = residual.checkpoint.net, residual.look(0).batch
    assert torch.equal(found.pixels, project(net, batch, "blocks.1.conv2", 3, rule="guided").pixels)
    assert not torch.equal(found.pixels, project(net, batch, "blocks.1.conv2", 3).pixels)
    np.testing.assert_allclose(
        residual.channel("blocks.1:3")[0].activation,
        residual.atlas.top("blocks.1.conv2", 3)[0].value,
        rtol=1e-5,
    )


def test_studies_of_any_net_but_feeds(residual):
    ranked = residual.rank(0, "blocks.2")
    assert {row.unit.stage for row in ranked} == {"blocks.2.conv2"}
    hidden = residual.occlude(0, "blocks.0:1", square=16, stride=16)
    assert hidden.probability is not None
    assert hidden.class_name in "pqrs"
    with pytest.raises(ExploreError, match="defined for plain stacks, layer by layer: Residual is none"):
        residual.feeds(0, "blocks.2:1")


def test_a_grey_net_sees_grey_and_is_shown_grey(folder, tmp_path):
    module = foreign.seeded(foreign.Residual, colours=1)
    explorer = Explorer(
        module, images=folder / "pictures", input=InputConvention(24, 24, 1.0, (0.5,), (1.0,))
    )

    seen = explorer.look(0)
    assert seen.batch.shape == (1, 1, 24, 24)
    assert (seen.pixels[..., 0] == seen.pixels[..., 2]).all()
    unit = explorer.channel("stem:1")[0]
    assert unit.crop.shape[0] == 3
    assert (unit.crop[0] == unit.crop[1]).all()
    explorer.figure("blocks.0", "0-1", tile=16).save(tmp_path / "grey.png")
    explorer.filters("0-1", tile=16).save(tmp_path / "filters.png")


def test_stages_of_ones_own_are_watched(folder):
    explorer = Explorer(
        foreign.seeded(foreign.Residual), images=folder / "pictures", stages=["blocks.*.conv1", "pool"],
        input=InputConvention(24, 24, 1.0),
    )  # fmt: skip

    assert list(explorer.atlas.stages) == ["pool", "blocks.0.conv1", "blocks.1.conv1", "blocks.2.conv1"]


def test_what_does_not_fit_a_module_is_told(folder):
    with pytest.raises(ExploreError, match="input and classes are those of a module"):
        Explorer(images=folder / "pictures", classes=("a",))
    with pytest.raises(ExploreError, match="Smooth has no ReLU.*take --rule gradient"):
        Explorer(foreign.seeded(foreign.Smooth), images=folder / "pictures")
    with pytest.raises(ExploreError, match="this net takes 5 channels where images have 3 colours"):
        Explorer(nn.Sequential(nn.Conv2d(5, 2, 3), nn.ReLU()), images=folder / "pictures")


def test_two_nets_of_equal_weights_have_each_an_index(folder):
    class Other(foreign.Residual):
        def forward(self, x):
            return self.fc(self.blocks(torch.relu(self.stem(x))).mean((2, 3)))

    one, other = (
        Explorer(foreign.seeded(kind), images=folder / "pictures", input=InputConvention(24, 24, 1.0))
        for kind in (foreign.Residual, Other)
    )

    assert one.checkpoint.metadata.weights_fingerprint == other.checkpoint.metadata.weights_fingerprint
    assert one.atlas.fingerprint != other.atlas.fingerprint


# -- pictures of one's own ---------------------------------------------------------------------------


@pytest.fixture
def mine(tmp_path):
    """Two pictures that are not among the explorer's."""
    paths = [tmp_path / "me.png", tmp_path / "you.png"]
    for seed, path in enumerate(paths):
        noise_picture(64, seed=seed + 7).save(path)
    return [str(path) for path in paths]


def test_a_channel_on_pictures_is_each_ones_strongest_unit(explorer, mine, tmp_path):
    found = explorer.on("conv4:3", *mine)
    for path, one, row in zip(mine, found, found.rows(), strict=True):
        alone = explorer.project(path, "conv4:3")
        y, x = alone.position[0].tolist()
        assert (one.unit, row["picture"]) == (Unit("conv4", 3, y, x), path)
        np.testing.assert_allclose(one.pixels, alone.pixels[0].numpy(), rtol=0, atol=1e-6)
        assert row["lowest"] <= row["percentile"] <= row["highest"]
    png, table, record, arrays = found.save(tmp_path / "x.png", npz=True)
    assert len(table.read_text().splitlines()) == 3
    assert [row["picture"] for row in json.loads(record.read_text())["units"]] == mine
    with np.load(arrays) as saved:
        np.testing.assert_array_equal(
            saved["conv4-3.position"], [[one.place.y, one.place.x] for one in found]
        )
    chunks = read_chunks(png)
    assert chunks["picture"] == ", ".join(mine)
    words = shlex.split(chunks["command"])
    assert words[:8] == ["zfexplore", "export", "channel", "conv4:3", "--on", mine[0], "--on", mine[1]]


def test_a_unit_on_a_picture_is_that_unit(explorer, mine):
    found = explorer.on("conv4:3@1,2", mine[0])
    expected = explorer.project(mine[0], "conv4:3@1,2")
    np.testing.assert_allclose(found[0].pixels, expected.pixels[0].numpy(), rtol=0, atol=1e-6)
    assert found.rows()[0]["percentile"] is None
    assert str(found.made.command).startswith(f"zfexplore export unit conv4:3@1,2 {mine[0]}")
    assert found.made.name == "conv4-3-1-2-on-me.png"
    assert found._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(ExploreError, match="no picture was named"):
        explorer.on("conv4:3")
    with pytest.raises(ExploreError, match="conv4 has no channel 384"):
        explorer.on("conv4:384", mine[0])


def test_the_name_of_a_pictures_figure_leaves_room_on_every_file_system():
    name = default_name(Unit("conv4", 3, 1, 2), [f"{'日' * 80}.jpg"])
    assert len(name.encode()) < 200
    assert name.startswith("conv4-3-1-2-on-日")
    assert name.endswith("日.png")


def test_what_is_explained_is_what_rank_finds_and_its_strongest_exemplars(explorer, mine, tmp_path):
    found = explorer.explain(mine[0], "conv5", count=4)
    ranked = [each for each in explorer.rank(mine[0], "conv5") if each.activation > 0]
    assert list(found.channels) == ranked[:4]
    assert sum(each.probability for each in found.classes) == pytest.approx(1, abs=1e-6)
    figure = found.figure(tile=24)
    for each in found.channels:
        channel = Unit(each.unit.stage, each.unit.channel)
        own, *strongest = figure.tables[str(channel)]
        assert (own["y"], own["x"], own["name"]) == (each.unit.y, each.unit.x, mine[0])
        assert own["activation"] == pytest.approx(each.activation, rel=1e-4)
        first = explorer.channel(channel)
        assert [row["image"] for row in strongest] == [one.place.image for one in first][:1]
    for each in found.channels:
        assert str(each.unit).partition("@")[0] in str(found)
    assert str(found).splitlines()[0] == "me.png, 64 x 64 pixels"
    assert found._repr_png_().startswith(b"\x89PNG")


def test_a_picture_without_a_file_is_named_by_what_it_is(explorer):
    number = explorer.explain(2, "conv3", count=1)
    assert number.picture.name == explorer.source.image_name(2)
    assert number.channels[0].rank is not None  # it is among the atlas's images
    given = explorer.explain(noise_picture(64), "conv3", count=1)
    assert str(given.made.command).startswith("zfexplore explain '<picture from Python>'")


def test_figures_of_pictures_of_one_name_have_names_of_their_own():
    pictures = [SimpleNamespace(name=name) for name in ("a.jpg", "A.png", "a-2.png", "b/a.gif")]
    names = ["explain-a.png", "explain-A-2.png", "explain-a-2-2.png", "explain-b-a.png"]
    assert figure_names(pictures) == names


def test_a_fully_connected_channel_has_no_place(explorer, mine):
    found = explorer.explain(mine[0], "fc7", count=1)
    (record,) = found.records
    assert (record["unit"], record["y"], record["window"]) == (record["channel"], None, None)
    assert found.figure(tile=20).tables[record["channel"]][0]["activation"] == pytest.approx(
        record["activation"], rel=1e-4
    )


def test_an_image_damaged_since_indexing_is_named_and_left_out_of_every_figure(folder, tmp_path, capsys):
    pictures = write_pictures(tmp_path / "pictures")
    explorer = Explorer(images=pictures, checkpoint=folder / "net.safetensors")
    channel = int(np.argmax(explorer.atlas.stage("conv4").share_firing))
    whole = [row["name"] for row in explorer.top(f"conv4:{channel}")]
    assert len(whole) > 3
    own = explorer.explain(noise_picture(64), "conv4", 12)
    (pictures / whole[1]).write_bytes(b"no picture any more")
    told = f"1 image could not be read and was left out:\n  {whole[1]}: "
    for draw in (
        lambda: explorer.figure("conv4", f"{channel}", tile=24),
        lambda: explorer.layers("top1", tile=24),
        lambda: own.figure(tile=24),
        lambda: explorer.channel(f"conv4:{channel}").figure(tile=24),
    ):
        explorer._seen.clear()
        figure = draw()
        assert told in capsys.readouterr().err
    (rows,) = figure.tables.values()
    assert [row["name"] for row in rows] == [whole[0], *whole[2:]]
    assert [row["rank"] for row in rows] == [1, *range(3, len(whole) + 1)]


def explained(explorer, pictures):
    events = explorer.explaining(pictures, "conv1", 2)
    return [event.record() for event in events if isinstance(event, Explained)]


# What takes a path: called with an explorer, a path of a picture, and one of a file to be written.
TAKES_A_PATH = {
    "image": lambda it, picture, _: it.image(picture).tobytes(),
    "project": lambda it, picture, _: it.project(picture, "conv1:3").pixels.tolist(),
    "on": lambda it, picture, _: it.on("conv1:3", picture).rows(),
    "explain": lambda it, picture, _: it.explain(picture, "conv1", 2).record(),
    "explaining one": lambda it, picture, _: explained(it, picture),
    "explaining several": lambda it, picture, _: explained(it, [picture, picture]),
    "rank": lambda it, picture, _: it.rank(picture, "conv1"),
    "feeds": lambda it, picture, _: it.feeds(picture, "conv2:3"),
    "occlude": lambda it, picture, _: it.occlude(picture, "conv1:3", square=32, stride=32).total.tolist(),
    "save_atlas": lambda it, _, out: it.save_atlas(out, "npz"),
    "Atlas": lambda it, _, out: (it.atlas.save(out), zfexplore.Atlas.load(out).image_names),
    "channel": lambda it, _, out: it.channel("conv1:3").save(out),
    "filters": lambda it, _, out: it.filters("3").save(out),
    "build_atlas": lambda it, _, out: (
        finish(zfexplore.build_atlas(it.checkpoint, it.source, stages=["conv1"], path=out)).image_names
    ),
}  # fmt: skip
# The same with a folder of pictures, a file of weights, and a file of labels.
OPENS_A_PATH = {
    "Explorer": lambda images, net, labels: Explorer(images=images, checkpoint=net, labels=labels).atlas.k,
    "weights": lambda images, net, _: Explorer("zfnet", images=images, weights=net).atlas.k,
    "load_checkpoint": lambda _, net, __: zfexplore.load_checkpoint(net).metadata,
    "open_images": lambda images, _, labels: zfexplore.open_images(images, labels=labels).classes,
    "a set": lambda images, *_: refusal(lambda: zfexplore.open_images("flowers102", root=images)),
    "train": lambda images, *_: refusal(
        lambda: finish(zfexplore.train(zfexplore.open_images(images), recipe(), out=images, resume=True))
    ),
}


def refusal(call):
    with pytest.raises(ExploreError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("name", TAKES_A_PATH)
def test_a_path_may_be_text_or_a_path(explorer, folder, tmp_path, name):
    picture, out = folder / "pictures" / "a" / "0.png", tmp_path / "out.png"
    results = [TAKES_A_PATH[name](explorer, kind(picture), kind(out)) for kind in (str, Path)]
    assert results[0] == results[1]


@pytest.mark.parametrize("name", OPENS_A_PATH)
def test_what_is_opened_may_be_text_or_a_path(folder, tmp_path, name):
    (tmp_path / "labels.csv").write_text("0,even\n1,odd\n2,even\n3,odd\n4,even\n5,odd\n")
    paths = folder / "pictures", folder / "net.safetensors", tmp_path / "labels.csv"
    results = [OPENS_A_PATH[name](*map(kind, paths)) for kind in (str, Path)]
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "call",
    [
        lambda: zfexplore.open_images(3),
        lambda: zfexplore.open_images("album", labels=3),
        lambda: zfexplore.load_checkpoint(b"net.safetensors"),
        lambda: finish(zfexplore.train(None, recipe(), out=3)),
    ],
)
def test_what_is_no_path_is_told(call):
    assert " must be a name or a path, not " in refusal(call)


@pytest.mark.parametrize("pictures", [3, [3], [None], "", [b"me.png"]])
def test_what_names_no_picture_to_explain_is_told(explorer, pictures):
    assert re.match("no picture was named|a picture must be|pictures must be", refusal(
        lambda: explorer.explaining(pictures)
    ))  # fmt: skip


def test_a_folder_is_explained_picture_by_picture(explorer, folder):
    found = explained(explorer, [folder / "pictures" / "a"])
    assert [os.path.basename(each["picture"]) for each in found] == ["0.png", "2.png", "4.png"]
