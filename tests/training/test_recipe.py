from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from zfexplore.errors import ExploreError
from zfexplore.nets.checkpoint import load_checkpoint
from zfexplore.training.learner import learning_rate
from zfexplore.training.recipe import RECIPES, Recipe, recipe
from zfexplore.training.state import Position


def test_paper_holds_section_3_exactly():
    paper = recipe("paper")
    assert (paper.init, paper.lr, paper.momentum, paper.batch_size) == ("paper", 1e-2, 0.9, 128)
    assert (paper.crops, paper.mean, paper.scale, paper.spread) == ("ten", "pixel", 255.0, None)
    assert (paper.max_rms, paper.schedule, paper.dropout, paper.epochs) == (0.1, "plateau", 0.5, 70)
    assert (paper.fc, paper.size, paper.norm) == (4096, 224, "krizhevsky")
    assert (paper.weight_decay, paper.label_smoothing, paper.clip_norm, paper.nesterov) == (0, 0, None, False)


def test_replication_holds_the_report_exactly():
    report = recipe("replication")
    assert (report.init, report.lr, report.momentum, report.batch_size) == ("xavier", 1e-4, 0.9, 128)
    assert (report.crops, report.flip, report.scale, report.mean) == ("random", False, 1.0, "channel")
    assert (report.norm, report.dropout, report.max_rms, report.schedule) == (
        "replication",
        0.5,
        None,
        "constant",
    )


def test_photographs_is_what_the_shipped_weights_say_of_themselves():
    said = dict(load_checkpoint().metadata.recipe)
    assert said.pop("seed") == 0
    assert Recipe.from_json(said) == recipe("photographs")


def test_photographs_lets_e_to_the_minus_3_of_the_noise_stand():
    chosen, images = recipe("photographs"), 69_561
    steps = math.ceil(images / chosen.batch_size)
    whole = chosen.epochs * steps
    rates = sum(learning_rate(chosen, Position(*divmod(step, steps)), steps) for step in range(0, whole, 50))
    assert whole == pytest.approx(31_500, rel=0.01)
    assert 50 * rates * chosen.weight_decay / (1 - chosen.momentum) == pytest.approx(3.1, abs=0.1)


def test_only_our_own_recipes_begin_with_small_images():
    assert set(recipe("paper").sizes()) == set(recipe("replication").sizes()) == {224}
    assert recipe("photographs", epochs=5).sizes() == [128] * 2 + [224] * 3
    assert recipe(epochs=20).sizes() == [96] * 6 + [128] * 8 + [160] * 3 + [224] * 3


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 40])
def test_every_epoch_has_a_size_and_the_last_is_full(epochs):
    sizes = recipe(epochs=epochs).sizes()
    assert len(sizes) == epochs
    assert sizes == sorted(sizes)
    assert sizes[-1] == 224


def test_changes_that_are_none_leave_the_recipe_as_it_is():
    assert recipe("paper", lr=None, fc=None) == RECIPES["paper"]
    assert recipe("paper", lr=0.5).lr == 0.5


@pytest.mark.parametrize("name", list(RECIPES))
def test_json_gives_the_same_recipe_back(name):
    assert Recipe.from_json(json.loads(json.dumps(recipe(name).to_json()))) == recipe(name)


def test_another_architecture_is_kept_and_the_papers_is_not_written():
    other = recipe("paper", first="11x11/4", widths=(96, 256, 512, 1024, 512), without=(3, 4))
    assert Recipe.from_json(json.loads(json.dumps(other.to_json()))) == other
    assert other.architecture() == {
        "fc": 4096, "norm": "krizhevsky", "dropout": 0.5, "first": "11x11/4",
        "widths": [96, 256, 512, 1024, 512], "without": [3, 4],
    }  # fmt: skip
    assert {"first", "widths", "without"}.isdisjoint(recipe("paper").to_json())
    assert set(recipe("paper").architecture()) == {"fc", "norm", "dropout"}


def test_unknown_settings_in_json_are_refused():
    with pytest.raises(TypeError, match="colour_noise"):
        Recipe.from_json(recipe().to_json() | {"colour_noise": 1})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"batch_size": 0}, "batch-size must be at least 1, not 0"),
        ({"lr": -0.1}, "lr must be above 0, not -0.1"),
        ({"lr": float("nan")}, "lr must be above 0, not nan"),
        ({"spread": 0.0}, "spread must be above 0, not 0.0"),
        ({"weight_decay": -1e-3}, "weight-decay must be at least 0, not -0.001"),
        ({"colour": 1.0}, "colour must be at least 0 and below 1, not 1.0"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, not 1.0"),
        ({"without": (5,)}, "layer 5 cannot be left out: only 3, 4, 6 and 7 can"),
        ({"widths": (1, 2)}, "widths must be 5 numbers above 0, of conv1 to conv5, not [1, 2]"),
        ({"size": 40}, "size must be at least 56, or pool5 has nothing left, not 40"),
        ({"mean": "pixel"}, "a per-pixel mean needs images of one size throughout the training"),
    ],
)
def test_values_out_of_range_are_usage_errors(change, message):
    with pytest.raises(ExploreError) as caught:
        recipe("default", **change)
    assert str(caught.value) == message
    assert caught.value.usage


def test_unknown_recipe_names_those_there_are():
    with pytest.raises(
        ExploreError, match="no recipe 'best': choose default, photographs, paper, replication"
    ):
        recipe("best")


def test_recipes_are_readable_without_torch_and_numpy():
    code = (
        "import sys, zfexplore.training.recipe; print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": "9"}, {"epochs": 1.5}, {"epochs": True}, {"lr": None}, {"lr": math.inf}, {"lr": "0.1"},
        {"flip": 1}, {"schedule": "sometimes"}, {"norm": "mine"}, {"area": [0.1]}, {"stages": 3},
        {"stages": [[1, 2, 3]]}, {"stages": [[1, math.nan]]}, {"more": 1},
    ],
)  # fmt: skip
def test_a_setting_of_another_kind_or_unknown_is_named(change):
    (name,) = change
    with pytest.raises(TypeError, match=name):
        Recipe.from_json(recipe().to_json() | change)


def test_every_setting_must_be_there_and_within_reach():
    values = recipe().to_json()
    assert Recipe.from_json(json.loads(json.dumps(values))) == recipe()
    with pytest.raises(TypeError, match="lr is missing"):
        Recipe.from_json({name: value for name, value in values.items() if name != "lr"})
    for change in ({"epochs": 10**9}, {"size": 10**6}, {"clip_norm": -1.0}, {"area": [0.5, 0.1]}):
        with pytest.raises(ExploreError, match="must be"):
            Recipe.from_json(values | change)
