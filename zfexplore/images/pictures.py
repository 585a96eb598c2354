"""Pictures of one's own, as a user names them: files, folders, archives and named sets, one after another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from zfexplore.arguments import path_text
from zfexplore.arguments import shown as shown_value
from zfexplore.errors import ExploreError
from zfexplore.files import expanded
from zfexplore.images.archive import is_archive
from zfexplore.images.folder import FileSource, ImageFile
from zfexplore.images.naming import shown
from zfexplore.images.open import is_name, open_images
from zfexplore.images.remarks import depth_remark, remarks
from zfexplore.images.sources import Picture, Source


@dataclass(frozen=True, slots=True)
class OwnPicture:
    """One picture, not decoded yet: its name, and how a user names it.

    ``path`` is its file; None in an archive or a named set, which ``spec`` then names.
    """

    source: Source
    index: int
    name: str
    path: str | None
    spec: str

    def open(self) -> Picture:
        """Decode it; raises UnreadableImage."""
        return self.source[self.index]


class OwnPictures(Sequence[OwnPicture]):
    """All pictures that ``specs`` name, in their order.

    A file that is there is taken before a named set. What is neither file, folder, archive nor set counts
    as a file that cannot be read. Raises ExploreError for an empty name, and for a folder or an archive
    without images.
    """

    def __init__(self, specs: Sequence[str | os.PathLike[str]]) -> None:
        given = [path_text(spec, "a picture") for spec in specs]
        if not given or not all(given):  # an empty path would be the folder that one is in
            raise ExploreError("no picture was named", usage=True)
        self._sources: list[Source] = []
        self._pictures = [picture for spec in given for picture in self._open(spec)]
        self.alone = len(given) == 1 and self._pictures[0].path == given[0]

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._pictures[index]

    def remarks(self) -> list[str]:
        """Give lines on what folders and archives left out."""
        return [line for source in self._sources for line in remarks(source)]

    def depth_remarks(self) -> list[str]:
        """Give lines on how the deep ones of the pictures read so far were shown."""
        return [line for line in map(depth_remark, self._sources) if line is not None]

    def _open(self, spec: str) -> Iterator[OwnPicture]:
        path = expanded(spec)
        named = not path.exists() and is_name(spec)
        folder = path.is_dir()
        packed = not (named or folder) and is_archive(path)
        single = not (named or folder or packed)
        source: Source
        if single:
            source = FileSource("", [ImageFile(str(path), shown(path.name), None)])
        else:
            source = open_images(spec if named else os.path.abspath(path))
        self._sources.append(source)
        for index in range(len(source)):
            name = source.image_name(index)
            place = spec if single else None
            if folder and isinstance(source, FileSource):
                place = os.path.join(spec, name)
            yield OwnPicture(source, index, name, place, spec)


def own_pictures(
    named: Iterable[OwnPicture | str | os.PathLike[str]] | str | os.PathLike[str],
) -> list[OwnPicture]:
    """Give the pictures that are named one by one or all with one path, which ``OwnPictures`` then opens."""
    if isinstance(named, str | os.PathLike):
        return list(OwnPictures([named]))
    if not isinstance(named, Iterable):
        raise ExploreError(f"pictures must be a list of paths, not {shown_value(named)}", usage=True)
    return [
        picture
        for each in named
        for picture in ([each] if isinstance(each, OwnPicture) else OwnPictures([each]))
    ]
