"""Completion: what may stand where the cursor is, told to the shell without torch.

The shell's script (``shells.py``) calls ``zfexplore`` with ``_ZFEXPLORE_COMPLETE`` set and the words of the
line. The answer is lines: first which paths the shell itself is to offer and whether the word goes on after
a candidate, then a candidate a line, behind a tab what it is. The shell evaluates nothing of it, and paths
are its own matter: it knows how to quote them.

What an option takes stands in its help, as its metavar: ``TAKES`` has what is known of each.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import typer.main

MOST = 10_000  # channels of a layer that are offered, whatever the head of a file says
PLAIN = re.compile(r"[\w.:@+-]+", re.ASCII)  # names from files that are offered; others a shell might misread

Paths = Literal["none", "files", "folders"]
Given = Mapping[str, Sequence[str]]
Program = Callable[[Sequence[str]], typer.Typer]  # the command line's, for the words that stand there


@dataclass(frozen=True)
class Offers:
    """Candidates with a word on each, the paths that the shell adds, and whether the word goes on."""

    words: Mapping[str, str] = field(default_factory=dict)
    paths: Paths = "none"
    goes_on: bool = False

    def beginning(self, text: str) -> Offers:
        """Keep those candidates that begin with ``text`` and that every shell takes as they are."""
        kept = {
            word: told for word, told in self.words.items() if word.startswith(text) and PLAIN.fullmatch(word)
        }
        return Offers(kept, self.paths, self.goes_on)


def answer(shell: str, words: Sequence[str], program: Program) -> str:
    """Give the lines for a shell's script; none for a shell that has no script here.

    zsh and fish give the words behind the command, the last one as far as the cursor. bash gives the line
    as far as the cursor and the characters at which it takes words apart: at a colon, for one.
    """
    breaks = ""
    if shell == "bash":
        line, breaks = [*words, "", ""][:2]
        *before, text = words_of(line)[1:] or [""]
        if line.split()[-1:] and line.split()[-1][0] in "\"'":
            breaks = ""  # within quotes a word stays whole
    elif shell in ("zsh", "fish"):
        *before, text = words or [""]
    else:
        return ""
    name, equals, value = text.partition("=") if text.startswith("--") else ("", "", text)
    offers = at_cursor([*before, name] if equals else before, value if equals else text, program)
    head = "" if shell == "zsh" else name + equals  # zsh's script has put it aside
    cut = 1 + max((text.rfind(each) for each in breaks), default=-1)
    lines = [f"{offers.paths} {'open' if offers.goes_on else 'closed'}"]
    lines += [f"{(head + word)[cut:]}\t{told}" for word, told in offers.words.items()]
    return "\n".join(lines)


def words_of(line: str) -> list[str]:
    """Split a line of bash as far as the cursor into words, without quotes; the last is still being written.

    Settings of variables before the command are left out.
    """
    reader = shlex.shlex(line, posix=True, punctuation_chars=False)
    reader.whitespace_split, reader.commenters = True, ""
    words: list[str] = []
    try:
        words += reader
        if not words or (line[-1:].isspace() and not words[-1].endswith(line[-1])):
            words.append("")
    except ValueError:  # within quotes, or behind a backslash
        words.append(reader.token)
    while len(words) > 1 and re.match(r"\w+=", words[0]):
        del words[0]
    return words


def at_cursor(words: Sequence[str], text: str, program: Program) -> Offers:
    """Give what may stand behind ``words`` and begins with ``text``."""
    command: Any = typer.main.get_command(program(words))
    rest = list(words)
    while hasattr(command, "commands"):
        names = [word for word in rest if not word.startswith("-")]
        if not names:
            named = {name: _line(inner.help) for name, inner in command.commands.items()}
            return (Offers(_options(command, {})) if text.startswith("-") else Offers(named)).beginning(text)
        rest = rest[rest.index(names[0]) + 1 :]
        command = command.commands.get(names[0])
    if command is None:
        return Offers()
    given, parameter, ended = _walked(command, rest)
    if parameter is None and text.startswith("-") and not ended:
        return Offers(_options(command, given)).beginning(text)
    if parameter is None:
        parameter = _place(command, given)
    return Offers() if parameter is None else _taken(parameter, given, text).beginning(text)


def _walked(command: Any, words: Iterable[str]) -> tuple[dict[str, list[str]], Any, bool]:
    """Give the values that parameters have, the option that waits for one, and whether ``--`` was there."""
    options = {
        name: parameter
        for parameter in command.params
        if parameter.param_type_name == "option"
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    given: dict[str, list[str]] = {}
    waiting: Any = None
    ended = False
    for word in words:
        name, equals, value = word.partition("=")
        if waiting is not None:
            given.setdefault(waiting.name, []).append(word)
            waiting = None
        elif word == "--" and not ended:
            ended = True
        elif not word.startswith("-") or ended:
            if (place := _place(command, given)) is not None:
                given.setdefault(place.name, []).append(word)
        elif (option := options.get(name)) is not None:
            given.setdefault(option.name, []).extend([value] if equals else [])
            waiting = None if option.is_flag or equals else option
    return given, waiting, ended


def _place(command: Any, given: Given) -> Any:
    """Give the argument that the next word is."""
    places = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    return next((place for place in places if place.nargs == -1 or not given.get(place.name)), None)


def _options(command: Any, given: Given) -> dict[str, str]:
    """Give the long names of options that may still be given."""
    return {
        name: _line(parameter.help)
        for parameter in command.params
        if parameter.param_type_name == "option" and not parameter.hidden
        if parameter.multiple or parameter.name not in given
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    } | {"--help": "Show this message and exit."}


def _line(text: str | None) -> str:
    """Give the first sentence of a help text."""
    first = " ".join((text or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.:;]) ", first)[0].rstrip(".:;")


def _taken(parameter: Any, given: Given, text: str) -> Offers:
    """Give what a parameter takes: its choices, or what its metavar stands for."""
    choices = getattr(parameter.type, "choices", None)
    if choices:
        return Offers({str(getattr(choice, "value", choice)): "" for choice in choices})
    takes = TAKES.get((parameter.metavar or "").strip("[]"))
    if takes is None:
        return Offers()
    return takes if isinstance(takes, Offers) else takes(given, text)


def _images(given: Given, text: str) -> Offers:
    from zfexplore.choices import PHOTOGRAPHS, SPECIMENS
    from zfexplore.images.datasets import SETS

    named = {PHOTOGRAPHS: "built in", SPECIMENS: "drawn here"} | {known.name: known.about for known in SETS}
    return Offers(named, "files")  # an archive is a file


def _nets(given: Given, text: str) -> Offers:
    from zfexplore.nets.zoo import NETS

    return Offers(NETS)


def _checkpoint(given: Given, text: str) -> Offers:
    """Give the nets by name only once their name has begun: they are many, and a file is more usual."""
    from zfexplore.choices import SHIPPED_NET
    from zfexplore.nets.zoo import NETS, PRETRAINED

    named = {SHIPPED_NET: "the weights that come along"}
    return Offers(named | ({name: NETS[name] for name in PRETRAINED} if text else {}), "files")


def _layers_known(given: Given) -> dict[str, int]:
    """Give the layers that the checkpoint's head tells, and how many channels each has."""
    from zfexplore.choices import SHIPPED_NET
    from zfexplore.nets.header import channels_of

    if given.get("net"):
        return {}
    named = next((given[name][-1] for name in CHECKPOINTS if given.get(name)), SHIPPED_NET)
    known = channels_of(None if named == SHIPPED_NET else os.path.expanduser(named))
    return known | ({"pool5": known["conv5"]} if "conv5" in known else {})


def _layers(given: Given, text: str) -> Offers:
    return Offers({name: f"{count:,} channels" for name, count in _layers_known(given).items()})


def _layers_and_channels(given: Given, text: str) -> Offers:
    """Give layers, and behind a layer's colon its channels; the word may go on with a colon."""
    layer, colon, _ = text.partition(":")
    if not colon:
        return Offers(_layers(given, text).words, goes_on=True)
    count = min(MOST, _layers_known(given).get(layer, 0))
    return Offers({f"{layer}:{number}": "" for number in range(count)})


def _channels(given: Given, text: str) -> Offers:
    """Give layers with their colon, and behind it the channels."""
    if ":" in text:
        return _layers_and_channels(given, text)
    return Offers({f"{name}:": told for name, told in _layers(given, text).words.items()}, goes_on=True)


CHECKPOINTS = ("option", "checkpoint", "a")  # the parameters that name the weights, by their names
FILES, FOLDERS = Offers(paths="files"), Offers(paths="folders")

# What an option or argument takes, by what its help calls it. What is free text or a number stands not here.
TAKES: dict[str, Offers | Callable[[Given, str], Offers]] = {
    "DIR|NAME": _images,
    "DIR|FRACTION": FOLDERS,
    "DIR": FOLDERS,
    "RUN": FOLDERS,
    "RUN|FILE": FILES,
    "FILE": FILES,
    "PARTS.json": FILES,
    "FILE.pth": FILES,
    "X.safetensors": FILES,
    "FILE|FOLDER": FILES,
    "IMAGE": FILES,
    "CHECKPOINT": _checkpoint,
    "FILE|NAME": _checkpoint,
    "A": _checkpoint,
    "B": _checkpoint,
    "FILE|torchvision": Offers({"torchvision": "its pretrained weights"}, "files"),
    "NAME|timm:NAME|package.module:factory": _nets,
    "NAME|MODULE:FACTORY": _nets,
    "auto|cpu|cuda|cuda:1": Offers({"auto": "", "cpu": "", "cuda": ""}),
    "conv3": _layers,
    "conv5": _layers,
    "conv5,fc7": _layers,
    "NAME": _layers,
    "NAME|PATTERN": _layers,
    "LAYER": _layers,
    "LAYER|CHANNEL": _layers_and_channels,
    "CHANNEL": _channels,
    "UNIT": _channels,
    "0-15|top16|7,130|all|random16": Offers({"top16": "", "random16": "", "all": ""}),
    "96,256,384,384,256": Offers({"96,256,384,384,256": "ours", "96,256,512,1024,512": "ZF table 3"}),
    "3,4|6,7|3,4,6,7": Offers({"3,4": "", "6,7": "", "3,4,6,7": "", "7": ""}),
    "1,2,5|'every 2'|5m|auto|none": Offers({"auto": "", "none": ""}),
}
