"""The command as a user would type it again: kept in the files that it makes."""

from __future__ import annotations

import shlex
from typing import Any

import typer


def typed_command(context: typer.Context) -> str:
    """Give the running command with its arguments, and every option that differs from its default."""
    words = ["zfexplore", *_command_names(context)]
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.param_type_name == "argument":
            words += [] if value is None else [str(value)]
        elif value is not None and value != parameter.default:
            words += [parameter.opts[0]] if value is True else [parameter.opts[0], str(value)]
    return shlex.join(words)


def _command_names(context: typer.Context) -> list[str]:
    """Give ``export``, ``grid``: the names below the program's own, which depends on how it was started."""
    names: list[str] = []
    level: Any = context
    while level.parent is not None:
        names.insert(0, level.info_name)
        level = level.parent
    return names
