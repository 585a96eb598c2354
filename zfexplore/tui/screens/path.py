"""A screen that asks for a path: typed, completed or pasted."""

from __future__ import annotations

import asyncio
import os

from textual import events, on, work
from textual.widgets import Input

from zfexplore.arguments import pasted_paths
from zfexplore.tui import keys
from zfexplore.tui.paths import completed, completions
from zfexplore.tui.screens.study import StudyScreen
from zfexplore.tui.widgets.line import Line
from zfexplore.tui.widgets.ranked import PathList


class PathLine(Line):
    """The path; its keys are told at the foot while it is typed."""

    BINDINGS = keys.bindings(keys.PATH)

    def _on_paste(self, event: events.Paste) -> None:
        """Put a pasted path in the place of what stands here; a piece of text is inserted as it is."""
        paths = pasted_paths(event.text)
        if len(paths) == 1 and is_a_path(event.text, paths[0]):
            self.value = paths[0]
            self.cursor_position = len(self.value)
            event.prevent_default()
        elif len(paths) > 1:
            event.prevent_default()
            self.screen.post_message(events.Paste(event.text))
        event.stop()


class PathScreen(StudyScreen):
    """Has a line for a path and the completions below it; ``-asking`` is its class while it asks."""

    def take_path(self, path: str) -> None:
        """Take the path; the screen says how."""

    @property
    def asking(self) -> bool:
        """Whether a path is being typed."""
        return self.has_class("-asking")

    @property
    def line(self) -> PathLine:
        """The line for the path."""
        return self.query_one(PathLine)

    def action_path(self) -> None:
        """Focus the line for the path."""
        self.add_class("-asking")
        self.line.focus()
        self._complete(self.line.value)

    @work(exclusive=True, group="completing")
    async def action_complete(self) -> None:
        """Complete the path as far as all completions agree, unless it changes while its folder is read."""
        text = self.line.value
        found = await asyncio.to_thread(completions, text)
        if self.line.value == text and (longer := completed(text, found)).startswith(text):
            self.write_path(longer)

    def write_path(self, path: str) -> None:
        """Write a path into the line."""
        self.line.value = path
        self.line.cursor_position = len(path)

    def enter_folder(self, path: str) -> None:
        """List what is in a folder."""
        self.write_path(os.path.join(path, ""))
        self.line.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._complete(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        paths = pasted_paths(event.value)
        if paths:
            self.write_path(paths[0])
            self.take_path(paths[0])

    @work(exclusive=True)
    async def _complete(self, text: str) -> None:
        """List the completions, in a thread: reading a folder may be slow."""
        self.query_one(PathList).paths = await asyncio.to_thread(completions, text)


def is_a_path(text: str, path: str) -> bool:
    """Tell whether a pasted ``text``, read as ``path``, is a whole path and not a piece to be inserted."""
    return path != text.strip() or os.path.isabs(os.path.expanduser(path)) or os.path.exists(path)
