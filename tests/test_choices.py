"""The words of options agree with the tables that have a row for each of them."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest
import torch
from torch import nn

from zfexplore import choices
from zfexplore.atlas.records import StageRecord
from zfexplore.exemplars import exemplars
from zfexplore.nets.zfnet import NORM_CONSTANTS, initialise
from zfexplore.studies import ranking
from zfexplore.training.recipe import RECIPES
from zfexplore.tui.drawing.cells import BLOCKS


def test_recipes():
    assert tuple(RECIPES) == get_args(choices.RecipeName)


def test_recipes_hold_only_words_that_there_are():
    for recipe in RECIPES.values():
        assert recipe.init in get_args(choices.Initialisation)
        assert recipe.norm in get_args(choices.Normalisation)
        assert recipe.crops in get_args(choices.TrainingCrops)


def test_constants_of_the_normalisations():
    assert tuple(NORM_CONSTANTS) == get_args(choices.Normalisation)


def test_glyphs():
    assert tuple(BLOCKS) == get_args(choices.Glyphs)


def test_tolerances_of_the_precisions():
    assert tuple(exemplars.TOLERANCE) == tuple(ranking.ROUNDING) == get_args(choices.Precision)


def test_channels_are_ranked_by_what_a_record_holds():
    known = {field.name for field in fields(StageRecord)} | set(dir(StageRecord))
    assert set(get_args(choices.RankedBy)) <= known


def test_every_initialisation_begins_a_net_and_no_other_does():
    for how in get_args(choices.Initialisation):
        initialise(nn.Sequential(nn.Linear(3, 2)), how, batch=torch.eye(3))
    with pytest.raises(ValueError, match="initialisation must be one of he-scaled, xavier, paper, constant"):
        initialise(nn.Sequential(nn.Linear(3, 2)), "another")


def test_training_cuts_what_images_can_cut():
    assert get_args(choices.Crops) == (*get_args(choices.TrainingCrops), "centre")
