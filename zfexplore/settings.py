"""What is explored, in terms of the command-line options, and the commands that a user would type."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from zfexplore.choices import DEFAULT_IMAGES, Fit, Rule


@dataclass(frozen=True)
class Settings:
    """Which images and net are explored, and how.

    ``checkpoint`` None is the shipped one. In its place ``net`` names a net, and ``weights`` what it is
    loaded with. ``stages`` are those to watch, by name or pattern. ``rule`` is what comes back through a
    ReLU. ``limit`` keeps only that many images, the first ones. ``fit``
    crops the centre square or letterboxes the whole image. ``device`` is auto, cpu, cuda or cuda:1.
    ``download`` lets torchvision fetch one of its own sets. ``labels`` is a file that gives the images their
    classes.
    """

    images: str = DEFAULT_IMAGES
    checkpoint: str | None = None
    limit: int | None = None
    fit: Fit = "crop"
    device: str = "auto"
    download: bool = False
    labels: str | None = None
    net: str | None = None
    weights: str | None = None
    stages: tuple[str, ...] = ()
    rule: Rule = "deconv"

    def options(self) -> dict[str, object]:
        """Give the options that differ from their defaults, in the order in which help lists them."""
        given = {
            "--images": (self.images, DEFAULT_IMAGES),
            "--checkpoint": (self.checkpoint, None),
            "--net": (self.net, None),
            "--weights": (self.weights, None),
            "--stage": (self.stages, ()),
            "--rule": (self.rule, "deconv"),
            "--limit": (self.limit, None),
            "--fit": (self.fit, "crop"),
            "--device": (self.device, "auto"),
            "--download": (self.download, False),
            "--labels": (self.labels, None),
        }
        return {name: value for name, (value, default) in given.items() if value != default}


@dataclass(frozen=True)
class Command:
    """A command as a user would type it: ``words``, then ``options``.

    An option that is None or False is left out; one that is True is written without a value. A tuple is
    an option given several times.
    """

    words: tuple[str, ...]
    options: Mapping[str, object] = field(default_factory=dict)

    def with_options(self, **options: object) -> Command:
        """Give the command with some options changed in place; ``out`` stands for ``--out``."""
        return Command(
            self.words, {**self.options, **{f"--{name}": value for name, value in options.items()}}
        )

    def __str__(self) -> str:
        words = ["zfexplore", *self.words]
        for name, value in self.options.items():
            if value is True:
                words.append(name)
            elif isinstance(value, tuple):
                words += [word for each in value for word in (name, str(each))]
            elif value is not None and value is not False:
                words += [name, str(value)]
        return " ".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    """Quote a word for the shell; bytes of a path that are no text are written as escapes."""
    if word.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in word):
        return shlex.quote(word)
    letters = ("\\" + one if one in "\\'" else one for one in word)
    return (
        "$'"
        + "".join(f"\\x{ord(one) - 0xDC00:02x}" if "\udc80" <= one <= "\udcff" else one for one in letters)
        + "'"
    )


def other_than(value: object, default: object) -> object:
    """Give ``value`` for use in a ``Command``; None if it is the option's default."""
    return None if value == default else value
