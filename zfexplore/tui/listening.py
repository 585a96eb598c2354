"""Answers of the terminal, heard among the keys.

Textual takes what it does not know for keys: an answer that comes late would walk through the layers. So
answers are taken out of what is read before Textual parses it, whenever they come; keys pass untouched. An
answer that was read in two parts is put together, but only while one is awaited, because its beginning may
be a key of its own: escape, or alt with a letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from textual.message import Message

STATUS, WELL = "\x1b[5n", "\x1b[0n"  # "are you well?": answered once all before it has been read
ANSWER = re.compile(
    r"\x1bP>\|[^\x1b]*\x1b\\"  # name and version
    r"|\x1b_G[^\x1b]*\x1b\\"  # kitty's graphics
    r"|\x1b\[6;\d+;\d+t"  # the size of a cell
    r"|\x1b\[\?[\d;]*c"  # attributes
    r"|\x1b\[0n"  # it is well
)
BEGUN = re.compile(r"\x1b(P(>(\|[^\x1b]*\x1b?)?)?|_(G[^\x1b]*\x1b?)?|\[(6(;\d*){0,2}|\?[\d;]*|0)?)$")


class Ear:
    """Takes answers out of what is read, and passes them to ``heard``, in the thread that reads."""

    def __init__(self, heard: Callable[[str], object]) -> None:
        self.heard = heard
        self.awaited = False  # set by who asks, and unset by who has heard all
        self._begun = ""

    def sift(self, data: str) -> str:
        """Give what is left for Textual."""
        data, self._begun = self._begun + data, ""
        if "\x1b" not in data:
            return data
        for answer in ANSWER.findall(data):
            self.heard(answer)
        data = ANSWER.sub("", data)
        if self.awaited and (begun := BEGUN.search(data)):
            self._begun, data = begun[0], data[: begun.start()]
        return data


def listening(driver: type[Any], ear: Ear) -> type[Any]:
    """Give Textual's driver for Linux and macOS with that ear; another driver is given back as it is."""
    try:
        from textual.drivers import linux_driver
    except ImportError:  # Windows
        return driver
    if driver is not linux_driver.LinuxDriver:
        return driver
    parser = linux_driver.XTermParser

    class Parser(parser):  # type: ignore[misc, valid-type]
        def feed(self, data: str) -> Iterable[Message]:
            sifted = ear.sift(data) if data else data
            return super().feed(sifted) if sifted or not data else ()

    class Listening(linux_driver.LinuxDriver):
        def run_input_thread(self) -> None:
            linux_driver.XTermParser = Parser  # type: ignore[misc]
            try:
                super().run_input_thread()
            finally:
                linux_driver.XTermParser = parser  # type: ignore[misc]

    return Listening
