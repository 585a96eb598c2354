"""The one class of errors meant for users: a single line that says what was wrong and what to do."""

from __future__ import annotations


class ExploreError(Exception):
    """Something the user can mend: a file, an option, an image.

    The message is one sentence naming the file or option and the remedy. ``usage`` marks a wrong
    option or argument, for which the command line exits with 2; everything else exits with 1.
    """

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage

    @property
    def exit_code(self) -> int:
        """2 for a wrong option or argument, 1 for everything else."""
        return 2 if self.usage else 1
