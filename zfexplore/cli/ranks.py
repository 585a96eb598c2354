"""Commands that several processes run together, as torchrun starts them: one tells what ends all."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

from zfexplore.errors import ExploreError

if TYPE_CHECKING:
    from zfexplore.nets.ranks import Ranks

Command = TypeVar("Command", bound=Callable[..., object])


def together(command: Command) -> Command:
    """Let a command end in one line, however many ranks run it; the others end silently, alike."""

    @wraps(command)
    def run(*arguments: object, **options: object) -> object:
        if "MASTER_ADDR" not in os.environ and "WORLD_SIZE" not in os.environ:
            return command(*arguments, **options)  # by itself, as nearly always: no need of torch yet
        # That a rank is gone is told in one line, and not with the stack of a library.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        from zfexplore.nets.ranks import Lost, leave

        ranks = this_rank()
        lost, listeners = False, 0
        try:
            return command(*arguments, **options)
        except ExploreError as error:
            lost = isinstance(error, Lost)
            listeners = ranks.size - 1 if ranks.first else 0
            if ranks.many and not ranks.tells():
                raise SystemExit(error.exit_code) from None
            raise
        except KeyboardInterrupt:
            if not ranks.first:
                raise SystemExit(130) from None
            raise
        finally:
            if not lost:  # to part from one that is gone may never end
                leave(listeners)

    return run  # type: ignore[return-value]


def this_rank() -> Ranks:
    """Give which of the ranks this process is."""
    from zfexplore.nets.ranks import from_environment

    return from_environment()
