"""``zfexplore index``: find out, for every channel, on which images it fires most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zfexplore.choices import Precision
from zfexplore.cli.options import DEFAULTS, with_settings
from zfexplore.cli.ranks import together
from zfexplore.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zfexplore.atlas.build import Event
    from zfexplore.atlas.store import Atlas


@together
@with_settings
def index(
    settings: Settings = DEFAULTS,
    precision: Annotated[
        Precision,
        typer.Option("--precision", help="bfloat16 is faster, less exact, and an index of its own."),
    ] = "float32",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=0,
            metavar="N",
            help="Processes or threads that read, of each rank; 0: threads. [default: one a core]",
            show_default=False,
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Build it anew even if it is there.")] = False,
) -> None:
    """Look at every image once and keep, for every channel, the nine that excite it most.

    The index is kept in your cache folder; the other commands find it there. An interrupted run goes
    on where it was when the same command is given again. On many GPUs, each looks at its share:
    torchrun --nproc-per-node 8 -m zfexplore index ...

    Example: zfexplore index --images photos/
    """
    import os
    import time
    from contextlib import closing
    from dataclasses import replace

    from zfexplore.atlas.build import Unkept
    from zfexplore.atlas.open import atlas_path
    from zfexplore.cli.ranks import this_rank
    from zfexplore.explorer import Explorer
    from zfexplore.nets.ranks import device_of, join
    from zfexplore.open_settings import open_settings
    from zfexplore.progress import finish
    from zfexplore.showing import output, remarks, watch

    ranks = this_rank()
    join(ranks, settings.device)
    settings = replace(settings, device=device_of(ranks, settings.device))
    explorer = Explorer.of(settings, *open_settings(settings, pixels=True))
    started = time.monotonic()
    kept = True

    def events() -> Iterator[Event]:
        nonlocal kept
        with closing(explorer.index(precision=precision, again=again, workers=workers, ranks=ranks)) as found:  # type: ignore[type-var]
            for event in found:
                kept = kept and not isinstance(event, Unkept)
                yield event

    if not ranks.first:
        finish(events())
        return
    try:
        atlas: Atlas = watch(events())
    except KeyboardInterrupt:
        if kept:
            remarks().print("interrupted: the same command goes on from here")
        raise
    for line in _summary(atlas, explorer.source.name, time.monotonic() - started):
        output().print(line, markup=False, soft_wrap=True)
    for name in _broken_classes(atlas):
        output().print(f"no class   {name}: none of its images can be read", markup=False, soft_wrap=True)
    path = atlas_path(atlas.fingerprint)
    output().print(f"index      {path if os.path.exists(path) else 'not kept'}", markup=False, soft_wrap=True)


def _summary(atlas: Atlas, name: str, seconds: float) -> list[str]:
    dead = (f"{stage} {record.dead.sum()} of {record.channels}" for stage, record in atlas.stages.items())
    return [
        f"images     {atlas.count:,} of {name}",
        f"skipped    {len(atlas.skipped):,}",
        f"seconds    {seconds:.1f}",
        f"dead       {', '.join(dead)}",
    ]


def _broken_classes(atlas: Atlas) -> list[str]:
    """Give the classes that have images, but none that could be read."""
    skipped = {number for number, _, _ in atlas.skipped}
    labels = atlas.labels.tolist()
    read = {label for number, label in enumerate(labels) if number not in skipped}
    return [atlas.classes[label] for label in sorted(set(labels) - read - {-1})]
