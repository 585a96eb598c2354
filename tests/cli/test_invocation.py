from __future__ import annotations

import shlex
from typing import Annotated

import pytest
import typer

from zfexplore.choices import Fit
from zfexplore.cli.invocation import typed_command


@pytest.fixture
def typed():
    """Run a small program of one nested command and give what ``typed_command`` says in it."""
    said = []
    app, export = typer.Typer(), typer.Typer()

    @export.command("grid")
    def grid(
        context: typer.Context,
        what: Annotated[str, typer.Argument()],
        layer: Annotated[str, typer.Option("--layer")],
        tile: Annotated[int, typer.Option("--tile")] = 112,
        fit: Annotated[Fit, typer.Option("--fit")] = "crop",
        npz: Annotated[bool, typer.Option("--npz")] = False,
        title: Annotated[str | None, typer.Option("--title")] = None,
    ):
        said.append(typed_command(context))

    @app.callback()
    def everywhere():
        pass

    app.add_typer(export, name="export")

    def run(*words):
        app(["export", "grid", *words], standalone_mode=False)
        return said[-1]

    return run


def test_defaults_are_left_out(typed):
    given = ("conv5:1", "--layer", "conv5", "--tile", "112", "--fit", "crop")
    assert typed(*given) == "zfexplore export grid conv5:1 --layer conv5"


def test_everything_else_is_kept_and_quoted(typed):
    given = ("a b", "--layer", "conv5", "--tile", "96", "--fit", "whole", "--npz", "--title", "my cat's")
    assert shlex.split(typed(*given)) == ["zfexplore", "export", "grid", *given]
