"""An error in the engine becomes one line for the user, and goes to the log."""

from __future__ import annotations

import logging

from zfexplore.errors import ExploreError

log = logging.getLogger("zfexplore.tui")


def logged(error: Exception) -> str:
    """Log an error and give its line; one that is not meant for users bears its class, and its traceback."""
    line = " ".join(part.strip() for part in str(error).splitlines())
    if isinstance(error, ExploreError | OSError):
        log.warning("%s", line)
        return line
    line = f"{type(error).__name__}: {line}" if line else type(error).__name__
    log.error("%s", line, exc_info=error)
    return line
