"""The examples in README and docs/ work: Python is run, commands are run or parsed, links lead somewhere.

They run on some of the built-in photographs. A block marked ``python no-run: REASON`` is only compiled.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main

from zfexplore.cli.main import main, program
from zfexplore.figures.provenance import read_chunks
from zfexplore.nets.header import SHIPPED
from zfexplore.tui.keys import TABLES, written

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"(?ms)^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$")

# Added to a command, so that it takes seconds here; the last of two equal options counts.
CHEAPER = {
    "evaluate": ("--limit", "2", "--workers", "0"),
    "export ideal": ("--steps", "1", "--starts", "1"),
    "train": ("--epochs", "1", "--size", "64", "--fc", "8", "--workers", "0", "--no-amp"),
}
ON_THE_ALBUM = ("index", "top", "export", "explain")  # where no images are named
ONLY_PARSED = {
    "tui": "needs a terminal",
    "--resume": "goes on for as many epochs as the run has",
    "occlusion": "takes seconds; tests/cli/test_export_occlusion.py runs it",
    "invariance": "takes half a minute; the same",
    "--dry-run": "measures for seconds, on shards that are not here",
}


MYNET = """
from torch import nn

def Digits():
    return nn.Sequential(nn.Conv2d(1, 4, 5), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(2304, 10))
"""


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the line where its text begins, its info string and its text."""

    page: Path
    line: int
    info: str
    text: str


def blocks(page: Path, *languages: str) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCED.finditer(text):
        if match["info"].partition(" ")[0] in languages:
            line = text.count("\n", 0, match.start("text")) + 1
            found.append(Block(page, line, match["info"], match["text"]))
    return found


def commands() -> dict[str, list[str]]:
    """Each command line of a block once, without its comment, as words."""
    lines = []
    for page in PAGES:
        for block in blocks(page, "console"):
            lines += [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
        for block in blocks(page, "sh"):
            lines += block.text.splitlines()
    split = (shlex.split(line, comments=True) for line in lines)
    return {shlex.join(words): words for words in split if words}


def spans(page: Path) -> Iterator[str]:
    """The code written inside a page's sentences."""
    yield from re.findall(r"`([^`\n]+)`", FENCED.sub("", page.read_text(encoding="utf-8")))


@cache
def tree() -> Any:
    """All commands; made once, which takes a tenth of a second."""
    return typer.main.get_command(program())


def resolve(words: list[str]) -> tuple[Any, list[str]]:
    """Give the command that ``words`` name, and the arguments behind its name."""
    command, rest = tree(), words[1:]
    while rest and hasattr(command, "commands"):
        name = rest.pop(0)
        assert name in command.commands, f"there is no command {name!r}"
        command = command.commands[name]
    return command, rest


def options(command: Any) -> set[str]:
    own = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return own.union(*(options(inner) for inner in getattr(command, "commands", {}).values()), {"--help"})


ALL = commands()
OURS = [line for line, words in ALL.items() if words[0] == "zfexplore"]
RUN = [line for line in OURS if not set(ONLY_PARSED) & set(ALL[line])]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the examples name: ``album/`` and ``photos/`` in two classes, ``me.jpg`` and two state dicts.

    And the shipped convolutions below thin heads, for a smaller input: the examples take half the time.
    """
    import torch

    from zfexplore.images.photographs import Photographs
    from zfexplore.nets.checkpoint import load_checkpoint, save_checkpoint
    from zfexplore.nets.zfnet import ZFNet, initialise
    from zfexplore.nets.zoo import make_net

    home = tmp_path_factory.mktemp("examples")
    source = Photographs(limit=4)
    for index in range(len(source)):
        for album in ("album", "photos") if index < 2 else ("photos",):
            home.joinpath(album, "ab"[index % 2]).mkdir(parents=True, exist_ok=True)
            source[index].image.save(home / album / "ab"[index % 2] / f"{index}.jpg")
    source[0].image.save(home / "me.jpg")
    torch.save(ZFNet(classes=3, fc=16).state_dict(), home / "zfnet.pth")
    (home / "mynet.py").write_text(MYNET)
    torch.save({"model": make_net("squeezenet1_1", {"num_classes": 10}).state_dict()}, home / "birds.pth")
    shipped = load_checkpoint()
    thin = ZFNet(**{**shipped.metadata.arguments, "fc": 32})
    initialise(thin, "xavier", seed=0)
    weights = shipped.module.state_dict()
    kept = {name: tensor for name, tensor in weights.items() if name.startswith("conv")}
    thin.load_state_dict(kept, strict=False)
    smaller = replace(shipped.metadata.input, size=144, resize=164)
    (home / "shipped").mkdir()
    save_checkpoint(
        home / "shipped" / SHIPPED,
        thin,
        replace(shipped.metadata, arguments=thin.arguments, input=smaller),
        half=True,
    )
    return home


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ZFEXPLORE_CACHE", str(folder / "cache"))
    for reader in ("header", "checkpoint"):
        monkeypatch.setattr(
            f"zfexplore.nets.{reader}.shipped_checkpoint", lambda: folder / "shipped" / SHIPPED
        )
    return folder


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name
)
def test_a_pages_python_runs_from_top_to_bottom(page, here):
    names: dict[str, Any] = {}
    for block in blocks(page, "python"):
        # Empty lines before it, so that an error names the page's line.
        code = compile("\n" * (block.line - 1) + block.text, page, "exec")
        if block.info.startswith("python no-run"):
            assert block.info.partition("no-run: ")[2], f"{page.name}:{block.line} says no reason"
            continue
        exec(code, names)


@pytest.mark.parametrize("line", OURS)
def test_a_command_is_one_that_there_is(line, here):
    command, rest = resolve(ALL[line])
    command.make_context(command.name, rest)


@pytest.mark.parametrize("line", RUN)
def test_a_command_runs(line, here, monkeypatch, capsys):
    words = list(ALL[line])
    words += CHEAPER.get(words[1], CHEAPER.get(" ".join(words[1:3]), ()))
    if words[1] in ON_THE_ALBUM and "--images" not in words:
        words += ["--images", "album/"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0, capsys.readouterr().err
    if "--out" in words:
        assert (here / words[words.index("--out") + 1]).exists()


@pytest.mark.parametrize("line", [line for line in ALL if line not in OURS])
def test_what_else_is_called_is_there(line):
    program, *rest = ALL[line]
    if program == "make":
        assert set(rest) <= set(re.findall(r"(?m)^(\w[\w-]*):", (ROOT / "Makefile").read_text()))
    elif program == "python" and rest[0] == "-m":
        assert find_spec(rest[1])
    elif program == "python":
        assert (ROOT / rest[0]).is_file()
    elif "zfexplore" in rest:  # what starts it
        assert program in ("torchrun", "srun")
        command, words = resolve(rest[rest.index("zfexplore") :])
        command.make_context(command.name, words)
    else:
        assert program in ("pip", "pytest", "tmux"), f"nothing checks {line!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_inside_sentences_are_known(page):
    known = options(tree())
    for span in spans(page):
        words = span.split()
        if words[0] == "zfexplore":
            command, rest = resolve(words)
            known_here = options(command)
            assert {word for word in rest if word.startswith("--")} <= known_here, span
        elif words[0].startswith("--") and page.name != "CONTRIBUTING.md":
            assert words[0] in known, span


def linked(page: Path) -> list[str]:
    text = re.sub(r"`[^`\n]+`", "", FENCED.sub("", page.read_text(encoding="utf-8")))
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"""src=["']([^"']+)["']""", text)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the package index make them."""
    headings = re.findall(r"(?m)^#+ +(.*)$", FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_picture_is_there(page):
    for target in linked(page):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def keys_written_down() -> str:
    """The tables of docs/explorer.md, made from the table of keys."""
    text = ""
    for title, table in TABLES.items():
        text += f"\n### {title[0].upper()}{title[1:]}\n\n| keys | what they do | id |\n|---|---|---|\n"
        for key in table:
            names = " ".join(f"`{name}`" for name in written(key.keys).split(" "))
            text += f"| {names} | {key.help} | `{key.id}` |\n"
    return text


def test_the_page_of_the_explorer_has_every_key():
    page = (ROOT / "docs" / "explorer.md").read_text(encoding="utf-8")
    assert page.endswith(f"## All keys\n{keys_written_down()}"), "put there:\n" + keys_written_down()


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.png")), ids=lambda path: path.name)
def test_no_picture_names_a_path_of_the_machine_that_made_it(picture):
    for word in shlex.split(read_chunks(picture).get("command", "")):
        assert not word.startswith(("/", "~")), word
