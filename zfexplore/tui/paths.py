"""Completion of a picture's path as the user types: folders, and files that look like pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence

MOST = 500  # entries offered; typing another letter leaves fewer


def completions(text: str) -> tuple[str, ...]:
    """List the paths that begin with ``text``, spelled as it is (``~`` stays), folders first, with a slash.

    Hidden entries are listed only if the last part begins with a dot. A folder that cannot be read gives
    nothing.
    """
    from zfexplore.images.formats import is_read

    head, beginning = os.path.split(text)
    folders, files = [], []
    try:
        with os.scandir(os.path.expanduser(head) or ".") as entries:
            for entry in entries:
                if not entry.name.startswith(beginning) or (entry.name[0] == "." and beginning[:1] != "."):
                    continue
                if _is_folder(entry):
                    folders.append(os.path.join(head, entry.name, ""))
                elif is_read(entry.name):
                    files.append(os.path.join(head, entry.name))
    except OSError:
        return ()
    return (*sorted(folders), *sorted(files))[:MOST]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder; a link that leads back to itself is not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def completed(text: str, found: Sequence[str]) -> str:
    """Complete ``text`` as far as all of ``found`` agree; without any, leave it as it is."""
    return os.path.commonprefix(list(found)) if found else text
