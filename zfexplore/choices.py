"""The words that options and settings take, each written once.

A word that stands for a row of a table stands in that table too; ``tests/test_choices.py`` compares them.
The order is the one that help and error messages show.
"""

from __future__ import annotations

from typing import Literal

PHOTOGRAPHS = "photographs"  # the built-in images
SPECIMENS = "specimens"  # the drawn images
DEFAULT_IMAGES = PHOTOGRAPHS
SHIPPED_NET = "shipped"  # what the weights that come along are called among other nets

Fit = Literal["crop", "whole"]  # how a photograph becomes the network's square
Precision = Literal["float32", "bfloat16"]  # what the net computes in while it indexes
RankedBy = Literal["mean", "max", "selectivity", "rarity", "striking"]  # what channels are ranked by
FigureFormat = Literal["png", "svg", "pdf"]  # how a figure is written
AtlasFormat = Literal["csv", "json", "npz"]  # how an atlas is written
Method = Literal["auto", "dense", "windowed"]  # which deconvnet projects
Rule = Literal["deconv", "guided", "gradient", "input-gradient"]  # what comes back through a ReLU
Move = Literal["translation", "scale", "rotation"]  # how a picture is moved to see what stays the same
Glyphs = Literal["octants", "sextants", "quadrants", "halves", "ascii"]  # the explorer's, finest first
Drawn = Literal["pixels", Glyphs]  # how the explorer draws pictures, in the order of its key

RecipeName = Literal["default", "photographs", "paper", "replication"]
Initialisation = Literal["he-scaled", "xavier", "paper", "constant"]  # how the weights begin
Normalisation = Literal["krizhevsky", "replication"]  # whose constants the contrast normalisation has
TrainingCrops = Literal["random", "ten", "resized"]  # what training may cut from an image
Crops = Literal[TrainingCrops, "centre"]
