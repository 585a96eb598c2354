from __future__ import annotations

from dataclasses import replace

import pytest

from zfexplore.errors import ExploreError
from zfexplore.training.folder import RunFolder
from zfexplore.training.machine import choose_machine
from zfexplore.training.plan import Outcome, check_unchanged, make_plan, snapshot_arguments


@pytest.fixture
def plan(stripes, quick, tmp_path):
    """Eighteen images of three classes, a third of each held out; batches of 4."""
    return planned(stripes, quick, tmp_path)


def planned(source, recipe, folder, *, val=1 / 3, seed=0, per_class=None):
    outcome, machine = Outcome(RunFolder(folder)), choose_machine("cpu", amp=False, workers=0)
    return make_plan(
        source, recipe, val=val, seed=seed, per_class=per_class, machine=machine, outcome=outcome
    )


def test_a_part_of_every_class_is_held_out(plan, stripes):
    assert (len(plan.split.training), len(plan.split.held_out)) == (12, 6)
    assert plan.steps_per_epoch == 3
    assert plan.held_out_source is stripes
    assert plan.class_map is None
    assert plan.images["held_out"] == {"fraction": 1 / 3, "seed": 0, "count": 6}


def test_another_source_may_be_held_out_its_unknown_classes_left_out(stripes, make_stripes, quick, tmp_path):
    others = make_stripes(9, classes=("down", "across", "never seen"), name="others")
    plan = planned(stripes, quick, tmp_path, val=others)
    assert plan.class_map == [1, 0, -1]
    assert plan.split.held_out == (0, 1, 3, 4, 6, 7)
    assert len(plan.split.training) == 18
    assert plan.images["held_out"]["name"] == "others"


def test_no_image_to_train_on_is_refused(stripes, quick, tmp_path):
    with pytest.raises(ExploreError, match="stripes leaves no image to train on"):
        planned(stripes, quick, tmp_path, per_class=0)


def test_the_checkpoint_says_what_made_it(plan, stripes):
    metadata = plan.metadata(plan.unmeasured_input, 2, {"centre": {"top1": 0.5}})
    assert metadata.classes == stripes.classes
    assert metadata.arguments["classes"] == 3
    assert metadata.recipe["seed"] == 0
    assert (metadata.input.size, metadata.epochs) == (64, 2)


def test_a_run_goes_on_with_more_epochs_and_no_other_change(plan, stripes, make_stripes, quick, tmp_path):
    began = plan.settings({})
    longer = planned(stripes, replace(quick, epochs=9), tmp_path).settings({})
    assert check_unchanged(began, longer, plan.outcome.folder) == quick.epochs
    with pytest.raises(ExploreError, match="can be lengthened, but not shortened to 2"):
        check_unchanged(longer, began, plan.outcome.folder)
    changes = [
        (planned(stripes, replace(quick, lr=1.0), tmp_path), "another recipe or seed"),
        (planned(stripes, quick, tmp_path, per_class=3), "not the images"),
        (planned(make_stripes(21), quick, tmp_path), "not the images"),
    ]
    for changed, complaint in changes:
        with pytest.raises(ExploreError, match=complaint):
            check_unchanged(began, changed.settings({}), plan.outcome.folder)
    with pytest.raises(ExploreError, match="cannot be read"):
        check_unchanged({}, began, plan.outcome.folder)


def test_a_snapshot_has_no_classes():
    assert snapshot_arguments({"classes": 7, "fc": 8}) == {"classes": 0, "fc": 8}
