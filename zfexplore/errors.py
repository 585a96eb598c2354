"""The one class of errors meant for users: a single line that says what is wrong and what to do."""

from __future__ import annotations

from zfexplore.printable import printable_lines

LONGEST = 2000  # characters; a message that lists what a hostile file holds would fill many screens
END = 500  # characters of a longer one's end, where the remedy stands


class ExploreError(Exception):
    """Something that the user can fix: a file, an option, an image.

    The message is one sentence that names the file or option and the remedy. ``usage`` marks a wrong
    option or argument: the command line then exits with 2, otherwise with 1. The message is made printable,
    since Python writes it into a traceback as it is; the command line joins its lines to one. Of a very long
    one the middle is left out.
    """

    def __init__(self, message: str, *, usage: bool = False) -> None:
        told = printable_lines(message)
        if len(told) > LONGEST:
            told = f"{told[: LONGEST - END - 3]} … {told[-END:]}"
        super().__init__(told)
        self.usage = usage

    @property
    def exit_code(self) -> int:
        """2 for a wrong option or argument, 1 for everything else."""
        return 2 if self.usage else 1
