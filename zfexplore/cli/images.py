"""``zfexplore images``: which sets of images there are, and what a folder or set holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zfexplore.cli.options import DownloadOption, JsonOption, LabelsOption, LimitOption

if TYPE_CHECKING:
    from rich.table import Table

    from zfexplore.images.summary import Health, Offer, Summary

_CLASSES_SHOWN = 30
_NAMES_SHOWN = 20


def images(
    spec: Annotated[
        str | None,
        typer.Argument(metavar="[DIR|NAME]", help="A folder of images, or a named set, to look into."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Read every image and name those that cannot be read.")
    ] = False,
    download: DownloadOption = False,
    labels: LabelsOption = None,
    limit: LimitOption = None,
    json: JsonOption = False,
) -> None:
    """List the named sets of images and whether they are here; or say what one set or folder holds.

    Example: zfexplore images ~/Pictures --check
    """
    from zfexplore.errors import ExploreError
    from zfexplore.images.open import open_images
    from zfexplore.images.remarks import depth_remark
    from zfexplore.images.remarks import remarks as remarks_on
    from zfexplore.images.summary import check as check_images
    from zfexplore.images.summary import offers, summarise
    from zfexplore.showing import output, print_json, watch

    if spec is None:
        if labels is not None:
            raise ExploreError("--labels needs a folder", usage=True)
        if check or download or limit is not None:
            raise ExploreError("--check, --download and --limit need a folder or a set", usage=True)
        found = offers()
        if json:
            print_json([_plain(offer) for offer in found])
        else:
            output().print(_offer_table(found))
        return
    source = open_images(spec, limit=limit, download=download, labels=labels)
    summary = summarise(source)
    health = watch(check_images(source), every_name=True) if check else None
    if json:
        print_json(asdict(summary) | ({"health": asdict(health)} if health else {}))
        return
    output().print(_summary_table(summary, health))
    for line in remarks_on(source, named=_NAMES_SHOWN):
        output().print(line, markup=False, soft_wrap=True)
    if health:
        if (told := depth_remark(source)) is not None:
            output().print(told, markup=False, soft_wrap=True)
        for name in health.broken_classes:
            output().print(f"{name} is no class: none of its images can be read", markup=False)
        output().print(f"{health.readable:,} of {summary.count:,} images can be read")


def _plain(offer: Offer) -> dict[str, Any]:
    return asdict(offer) | {"place": None if offer.place is None else str(offer.place)}


def _offer_table(found: list[Offer]) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from zfexplore.images import datasets

    table = Table(box=box.SIMPLE_HEAD, caption_justify="left", caption_style="dim")
    table.caption = escape(
        f"Sets live in {datasets.default_root()} (ZFEXPLORE_DATA names another folder).\n"
        "Any folder or archive (zip, tar) of images will do as well, with class subfolders or flat."
    )
    table.add_column("--images", style="bold")
    table.add_column("what it is")
    table.add_column("here")
    for offer in found:
        table.add_row(offer.name, offer.about, _presence(offer))
    return table


def _presence(offer: Offer) -> str:
    if offer.here:
        return "[green]yes[/]"
    return "no, --download fetches it" if offer.downloads else "no, to be put there by hand"


def _summary_table(summary: Summary, health: Health | None) -> Table:
    from rich.table import Table

    from zfexplore.showing import escaped

    per_class = summary.per_class
    if health is not None:
        per_class = {name: count for name, count in health.per_class.items() if count}
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    size = "cannot be read" if summary.size is None else f"{summary.size[0]} x {summary.size[1]} pixels"
    rows = {
        "images": f"{summary.count:,}",
        "classes": _classes_in_words(per_class),
        "first": f"{summary.first}, {size}",
        "fingerprint": summary.fingerprint,
    }
    table.add_row("source", f"[bold]{escaped(summary.name)}[/]")
    for name, text in rows.items():
        table.add_row(name, escaped(text))
    return table


def _classes_in_words(per_class: dict[str, int]) -> str:
    """Give the first thirty classes with their counts."""
    if not per_class:
        return "none: the images are not labelled"
    named = [f"{name} {count:,}" for name, count in list(per_class.items())[:_CLASSES_SHOWN]]
    rest = len(per_class) - len(named)
    return f"{len(per_class)}: {', '.join(named)}" + (f" and {rest} more" if rest else "")
