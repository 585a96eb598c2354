"""The command line: one table of commands, and the one place where errors become exit codes.

The modules of this package import nothing heavy. Each command imports what it needs when it runs, so
help appears before torch is imported.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
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
    "compare": "compare",
    "transfer": "transfer",
    "train": "train",
    "evaluate": "evaluate",
    "images": "images",
    "info": "info",
    "convert": "convert",
    "doctor": "doctor",
}
EXPORTS = {
    "grid": "export",
    "channel": "export",
    "unit": "export",
    "figure": "export",
    "filters": "export",
    "ideal": "export_ideal",
    "tree": "export_tree",
    "gallery": "export_gallery",
    "renormalised": "export_renormalised",
    "gradients": "export_gradients",
    "curves": "export_curves",
    "evolution": "export_evolution",
    "correspondence": "export_correspondence",
    "atlas": "export_atlas",
    "occlusion": "export_occlusion",
    "invariance": "export_invariance",
}

# How threads that compute wait for each other: asleep. By themselves they spin, at hundreds of barriers a
# projection, which takes the cores from other programs and from each other (`benchmarks/busy.py`).
IDLE = {"GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0", "OMP_WAIT_POLICY": "passive"}

# What typer raises for wrong options; only its subclasses have public names.
_CommandLineError: Any = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"zfexplore {__version__}")
        raise typer.Exit


def _install_completion(asked: bool) -> None:
    if asked:
        from zfexplore.cli.shells import install, shell_in_use

        file, now = install(shell_in_use())
        typer.echo(f"wrote {file}\nnew shells complete; in this one, first run:\n{now}")
        raise typer.Exit


def _show_completion(asked: bool) -> None:
    if asked:
        from zfexplore.cli.shells import SCRIPTS, shell_in_use

        typer.echo(SCRIPTS[shell_in_use()], nl=False)
        raise typer.Exit


def _everywhere(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    install_completion: Annotated[
        bool,
        typer.Option(
            "--install-completion",
            callback=_install_completion,
            is_eager=True,
            help="Let this shell (bash, zsh, fish) complete commands, layers and files.",
        ),
    ] = False,
    show_completion: Annotated[
        bool,
        typer.Option(
            "--show-completion",
            callback=_show_completion,
            is_eager=True,
            help="Print the script that --install-completion installs.",
        ),
    ] = False,
) -> None:
    """Options that may stand before any command; ``main`` reads --debug itself."""


def program(words: Sequence[str] = ()) -> typer.Typer:
    """Give the command that ``words`` begin with, or all commands where that is none.

    To read the options of all of them takes a fifth of the time until the explorer's first frame.
    """
    app = typer.Typer(
        name="zfexplore",
        help="See inside a convolutional network: the deconvnet of Zeiler and Fergus (2013) in a terminal.",
        no_args_is_help=True,
        add_completion=False,  # shells.py has scripts of our own
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_everywhere)
    first, second = [*words, "", ""][:2]
    for name in [first] if first in COMMANDS else [] if first == "export" else COMMANDS:
        module = COMMANDS[name]
        app.command(name)(getattr(import_module(f"zfexplore.cli.{module}"), module))
    if first in COMMANDS:
        return app
    export = typer.Typer(help="Write figures (PNG) and tables to files.", no_args_is_help=True)
    for name in [second] if first == "export" and second in EXPORTS else EXPORTS:
        module = EXPORTS[name]
        export.command(name)(getattr(import_module(f"zfexplore.cli.{module}"), f"export_{name}"))
    app.add_typer(export, name="export")
    return app


def main() -> None:
    """Run the command line; exit with 2 for a wrong option, 1 for a failure, 130 for Ctrl-C.

    An error is one line on stderr; a traceback appears only with ``--debug``.
    """
    _prepare_streams()
    _let_threads_sleep()
    debug = "--debug" in sys.argv[1:]
    # --debug may stand anywhere, not only before the command.
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    try:
        code = _answer_or_run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except _CommandLineError as error:
        if not error.format_message():  # no arguments: typer has shown the help
            sys.exit(error.exit_code)
        context = getattr(error, "ctx", None)
        hint = f"; see `{context.command_path} --help`" if context is not None else ""
        _complain(error.format_message().rstrip(".") + hint)
        sys.exit(error.exit_code)
    except typer.Abort:  # Ctrl-C, or the end of what is typed, in place of the answer to a question
        print(file=sys.stderr)
        sys.exit(130)
    except ExploreError as error:
        _Output.over = True
        if debug:
            raise
        _complain(str(error))
        sys.exit(error.exit_code)
    except (OSError, MemoryError, RecursionError) as error:  # RecursionError: endlessly nested metadata
        if debug:
            raise
        _complain(f"{type(error).__name__}: {error}")
        sys.exit(1)
    except RuntimeError as error:
        if debug or type(error).__name__ != "OutOfMemoryError":  # torch's, which is not imported here
            raise
        _complain("the GPU's memory does not suffice: free some of it, or give --device cpu")
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _answer_or_run(arguments: list[str]) -> Any:
    """Complete what a shell asks for, or run a command; give what the command gives."""
    if (shell := os.environ.get("_ZFEXPLORE_COMPLETE")) is None:
        return program(arguments)(arguments, prog_name="zfexplore", standalone_mode=False)
    from zfexplore.cli.completion import answer

    print(answer(shell, sys.argv[1:], program))
    return 0


class _Output(io.FileIO):
    """Standard output, whose errors name it: whoever writes there, rich, click or print.

    Once an error is told it drops what comes, for Python writes the rest once more when it ends.
    """

    over = False

    def write(self, data: Any) -> int:
        if _Output.over:
            return len(data)
        try:
            return super().write(data)
        except BrokenPipeError:  # `| head` has seen enough: no error to be told of
            raise
        except OSError as error:
            from zfexplore.files import cannot_write

            raise cannot_write("standard output", error) from error


def _prepare_streams() -> None:
    """Let streams write what their encoding does not have as escapes, and standard output tell its errors."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if type(sys.stdout) is io.TextIOWrapper:  # and none of a test's
        _name_errors(sys.stdout)


def _name_errors(before: io.TextIOWrapper) -> None:
    """Put an ``_Output`` under standard output, where it is a file; with Python's ``-u`` it has no buffer.

    Python keeps ``before`` open, as ``sys.__stdout__``.
    """
    raw: Any = getattr(before.buffer, "raw", before.buffer)
    if type(raw) is not io.FileIO:  # the console of Windows
        return
    before.flush()
    _Output.over = False
    output: Any = _Output(before.fileno(), "wb", closefd=False)
    sys.stdout = io.TextIOWrapper(
        output if raw is before.buffer else io.BufferedWriter(output),
        before.encoding,
        before.errors,
        line_buffering=before.line_buffering,
        write_through=before.write_through,
    )


def _let_threads_sleep() -> None:
    """Tell the libraries that torch will load, here and in processes started from here.

    Where the user has said anything about it, that stays.
    """
    if not any(name in os.environ for name in IDLE):
        os.environ.update(IDLE)


def _complain(text: str) -> None:
    from zfexplore.showing import escaped, remarks

    remarks().print(f"[bold red]error:[/] {escaped(' '.join(text.split()))}", soft_wrap=True)
