"""The command line: one table of commands, and the one place where errors become exit codes.

The modules of this package import nothing heavy. Each command imports what it needs when it runs, so
help appears before torch is imported.
"""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import Annotated, Any

import typer

from zfexplore import __version__
from zfexplore.errors import ExploreError

# Command: its module below zfexplore.cli, whose function has the same name. Help shows this order.
COMMANDS = {
    "tui": "tui",
    "index": "index",
    "top": "top",
    "explain": "explain",
    "train": "train",
    "evaluate": "evaluate",
    "images": "images",
    "info": "info",
    "convert": "convert",
}
EXPORTS = {
    "grid": "export",
    "channel": "export",
    "unit": "export",
    "figure": "export",
    "filters": "export",
    "atlas": "export_atlas",
}

# What typer raises for wrong options; only its subclasses have public names.
_CommandLineError: Any = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)

app = typer.Typer(
    name="zfexplore",
    help="See inside a convolutional network: the deconvnet of Zeiler and Fergus (2013) in a terminal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
export = typer.Typer(help="Write figures (PNG) and tables to files.", no_args_is_help=True)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"zfexplore {__version__}")
        raise typer.Exit


@app.callback()
def _everywhere(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options that may stand before any command; ``main`` reads --debug itself."""


def _register() -> None:
    for name, module in COMMANDS.items():
        app.command(name)(getattr(import_module(f"zfexplore.cli.{module}"), module))
    for name, module in EXPORTS.items():
        export.command(name)(getattr(import_module(f"zfexplore.cli.{module}"), f"export_{name}"))
    app.add_typer(export, name="export")


_register()


def main() -> None:
    """Run the command line; exit with 2 for a wrong option, 1 for a failure, 130 for Ctrl-C (by typer).

    An error is one line on stderr; a traceback appears only with ``--debug``.
    """
    _escape_what_cannot_be_written()
    debug = "--debug" in sys.argv[1:]
    # --debug may stand anywhere, not only before the command.
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        code = app(arguments, prog_name="zfexplore", standalone_mode=False)
    except _CommandLineError as error:
        if not error.format_message():  # no arguments: typer has shown the help
            sys.exit(error.exit_code)
        context = getattr(error, "ctx", None)
        hint = f"; see `{context.command_path} --help`" if context is not None else ""
        _complain(error.format_message().rstrip(".") + hint)
        sys.exit(error.exit_code)
    except ExploreError as error:
        if debug:
            raise
        _complain(str(error))
        sys.exit(error.exit_code)
    except (OSError, MemoryError, RecursionError) as error:  # RecursionError: endlessly nested metadata
        if debug:
            raise
        _complain(f"{type(error).__name__}: {error}")
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _escape_what_cannot_be_written() -> None:
    """Let a stream write a character that its encoding does not have as an escape, and not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _complain(text: str) -> None:
    from zfexplore.showing import remarks

    remarks().print(f"[bold red]error:[/] {_escaped(text)}", soft_wrap=True)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(" ".join(text.split()))
