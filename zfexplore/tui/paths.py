"""Completing the path of a picture as it is typed: folders, and files that look like pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence

MOST = 500  # entries offered; who has more types another letter


def completions(text: str) -> tuple[str, ...]:
    """List what ``text`` may become, in its own spelling (``~`` stays), folders first and with a slash.

    Hidden entries come only where the last part begins with a dot. A folder that cannot be read has
    nothing to offer.
    """
    from zfexplore.images.folder import EXTENSIONS  # PIL and numpy, not before the first frame

    head, beginning = os.path.split(text)
    folders, files = [], []
    try:
        with os.scandir(os.path.expanduser(head) or ".") as entries:
            for entry in entries:
                if not entry.name.startswith(beginning) or (entry.name[0] == "." and beginning[:1] != "."):
                    continue
                if _is_folder(entry):
                    folders.append(os.path.join(head, entry.name, ""))
                elif entry.name.lower().endswith(EXTENSIONS):
                    files.append(os.path.join(head, entry.name))
    except OSError:
        return ()
    return (*sorted(folders), *sorted(files))[:MOST]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder; a link that leads round to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def completed(text: str, found: Sequence[str]) -> str:
    """Give ``text`` as far as all of ``found`` agree; as it is where there are none."""
    return os.path.commonprefix(list(found)) if found else text
