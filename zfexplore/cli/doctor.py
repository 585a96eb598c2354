"""``zfexplore doctor``: what is installed, where it computes and draws, the cache, and what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from zfexplore.cli.options import JsonOption

if TYPE_CHECKING:
    from zfexplore.doctor.records import Cache, Machine, Package, Part, Report, Screen, Setting

NAMED = 20  # files named before they are removed; the rest are counted


def doctor(
    clean: Annotated[
        bool, typer.Option("--clean", help="Remove what is old from the cache, after naming it.")
    ] = False,
    older_than: Annotated[
        int,
        typer.Option("--older-than", min=1, metavar="DAYS", help="What was not used for so long is old."),
    ] = 30,
    yes: Annotated[bool, typer.Option("--yes", help="With --clean: do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Say what is here and what is wrong; exit with 1 if something is wrong.

    Versions, devices, the terminal, the files that come along, the cache and what of it can be removed.

    Example: zfexplore doctor --clean --older-than 90
    """
    from zfexplore.errors import ExploreError

    if clean and json:
        raise ExploreError("--json is for looking, not for --clean", usage=True)
    if yes and not clean:
        raise ExploreError("--yes belongs to --clean", usage=True)
    if clean:
        _clean(older_than, yes=yes)
        return
    from dataclasses import asdict

    from zfexplore.doctor.examine import examine
    from zfexplore.showing import print_json

    report = examine(days=older_than)
    if json:
        print_json(asdict(report))
    else:
        _show(report)
    if report.wrong:
        raise typer.Exit(1)


def _clean(days: int, *, yes: bool) -> None:
    from zfexplore.doctor.cache import old_files, remove
    from zfexplore.doctor.examine import in_bytes
    from zfexplore.errors import ExploreError
    from zfexplore.showing import output, remarks

    old = old_files(days)
    if not old:
        output().print(f"nothing in the cache is older than {days} days", soft_wrap=True)
        return
    for each in old[:NAMED]:
        told = f"{each.path}  {in_bytes(each.size)}, {each.kind}, not used for {each.days} days"
        output().print(told, markup=False, soft_wrap=True)
    if len(old) > NAMED:
        output().print(f"and {len(old) - NAMED:,} more", markup=False)
    total = in_bytes(sum(each.size for each in old))
    if not yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise ExploreError(f"nothing is removed unasked: --yes removes these ({total})", usage=True)
        if not typer.confirm(f"Remove {'it' if len(old) == 1 else 'them'} ({total})?", err=True):
            raise ExploreError("the cache stays as it is")
    freed, stays = remove(old)
    for line in stays:
        remarks().print(line, markup=False, soft_wrap=True)
    output().print(f"removed {in_bytes(freed)}")


def _show(report: Report) -> None:
    from rich.markup import escape
    from rich.table import Table

    from zfexplore.showing import output

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    table.add_row("zfexplore", f"{report.zfexplore}, {escape(report.folder)}")
    table.add_row("Python", escape(report.python))
    table.add_row("system", escape(report.system))
    rows = {
        "packages": [", ".join(map(_package, report.packages))],
        "optional": list(map(_optional, report.optional)),
        "computes": list(_machine(report.machine)),
        "terminal": list(_screen(report.screen)),
        "comes along": list(map(_part, report.parts)),
        "settings": list(map(_setting, report.settings)),
        "cache": list(_cache(report.cache)),
    }
    for name, lines in rows.items():
        for number, line in enumerate(lines):
            table.add_row("" if number else name, escape(line))
    output().print(table)
    output().print()
    for line in report.remarks:
        output().print(f"note: {line}", markup=False, soft_wrap=True)
    for line in report.wrong:
        output().print(f"[bold red]wrong:[/] {escape(line)}", soft_wrap=True)
    if not report.wrong:
        output().print("nothing is wrong")


def _package(package: Package) -> str:
    return f"{package.name} {package.version or 'missing'}"


def _optional(package: Package) -> str:
    if package.version is None:
        return f"{package.name} is not installed; it is for {package.gives}"
    return f"{package.name} {package.version}, for {package.gives}"


def _machine(found: Machine) -> Iterator[str]:
    from zfexplore.doctor.examine import in_bytes

    of = f"{found.cores:,} of " if found.cores < found.cores_in_all else ""
    threads = "" if found.threads is None else f", torch takes {_counted(found.threads, 'thread')}"
    yield of + _counted(found.cores_in_all, "core") + threads
    for number, device in enumerate(found.devices):
        yield f"cuda:{number} {device.name}, {in_bytes(device.memory)}"
    if not found.devices:
        yield f"no CUDA device: {found.without_cuda or 'torch could not be asked'}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _screen(found: Screen) -> Iterator[str]:
    if not found.there:
        yield "none: this is not shown in one"
        return
    who = f"{found.name} {found.version}".strip() or f"TERM={found.term}, does not say its name"
    yield f"{who}, {found.size[0]} x {found.size[1]} characters" + (", in tmux" if found.tmux else "")
    colours = {0: "no colours", 2**24: "16.7 million colours"}.get(found.colours, f"{found.colours} colours")
    yield f"{colours}, {'UTF-8' if found.utf8 else 'no UTF-8'}"
    pixels = f", {found.graphics} graphics in the large view" if found.graphics else ""
    panes = ", pixels in the panes" if found.pixels_in_panes else ""
    yield f"draws pictures with {found.glyphs}{pixels}{panes}"


def _part(part: Part) -> str:
    from zfexplore.doctor.examine import in_bytes

    if part.problem:
        return f"{part.name}: {part.path} {part.problem}"
    return f"{part.name}: whole, {in_bytes(part.size)}"


def _setting(setting: Setting) -> str:
    return f"{setting.name}: {setting.path}" + ("" if setting.there else ", not there yet")


def _cache(found: Cache) -> Iterator[str]:
    from zfexplore.doctor.examine import in_bytes

    if not found.folder:
        yield "none: there is no home folder"
        return
    yield f"{found.folder}, {in_bytes(found.free)} free" + (", cannot be written" if found.problem else "")
    for kind in found.kinds:
        if kind.files:
            old = f", {in_bytes(kind.old_size)} old" if kind.old_files else ""
            yield f"{kind.name}: {kind.files:,}, {in_bytes(kind.size)}{old} ({kind.about})"
    if any(kind.files for kind in found.kinds):
        yield "all of it may be deleted while no zfexplore runs"
