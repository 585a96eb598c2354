"""Measure everything, or some of it, and print and keep the tables.

python -m benchmarks                       all of it, 10 to 15 minutes on two cores
python -m benchmarks --only deconv,tui     some sections
python -m benchmarks --quick               does every row work? (the figures mean nothing)
python -m benchmarks --device cuda         on a GPU, at most 5 minutes
python -m benchmarks --show FILE.json      a result kept earlier, as the table in docs/speed.md
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.host import Host, measure_host
from benchmarks.material import Options
from benchmarks.report import Remark, Row, cells, markdown, table
from zfexplore import __version__
from zfexplore.errors import ExploreError
from zfexplore.files import write_text
from zfexplore.nets.device import find_device

# By section: its module below benchmarks, and its title.
SECTIONS = {
    "deconv": ("deconv", "Nine projections, forward included: inside the receptive field against whole"),
    "busy": ("busy", "Nine projections while other processes want the cores"),
    "atlas": ("atlas", "The atlas's pass against the bare forward"),
    "training": ("training", "Training"),
    "response": ("response", "First response, cold process"),
    "tui": ("explorer", "The explorer: from the key to the screen"),
    "normalisation": ("normalisation", "Contrast normalisation"),
}
RUNS = {"cpu": 5, "cuda": 3}
SECONDS = {"cpu": math.inf, "cuda": 90.0}  # for a section; what it has not measured by then is left out
ON_CUDA = ("deconv", "atlas", "training", "normalisation")
LEGEND = """The median of the runs ± half their range; the works of a row take turns.
Ratio: how many times faster ours is. Floor: operations over the matmul rate or bytes over the copy rate,
whichever takes longer."""
FOLDER = Path(__file__).resolve().parent


def main() -> None:
    """Run the chosen sections and show each row when it is measured."""
    asked = _parse()
    if asked.show:
        print(markdown(json.loads(asked.show.read_text()), titles()), end="")
        return
    torch.manual_seed(0)
    console = Console(highlight=False, width=None if Console().is_terminal else 140)
    live = Console(highlight=False, stderr=True, soft_wrap=True)
    try:
        device = find_device(asked.device)
    except ExploreError as error:
        console.print(f"{error}", markup=False)
        raise SystemExit(error.exit_code) from error
    runs = asked.runs or (1 if asked.quick else RUNS[device.type])
    options = Options(device, asked.quick, runs, asked.images, asked.checkpoint)
    chosen = asked.only or _all_on(device)
    live.print("measuring the machine ...")
    host = measure_host(device, quick=options.quick)
    for line in host.lines():
        console.print(line, markup=False)
    began = time.perf_counter()
    results, took = {}, {}
    for name in chosen:
        section_began = time.perf_counter()
        results[name] = _measure(live, name, options, host)
        took[name] = time.perf_counter() - section_began
        live.print(f"  {took[name]:.0f} seconds for {name}", markup=False)
    minutes = (time.perf_counter() - began) / 60
    for name in chosen:
        console.print()
        console.print(table(SECTIONS[name][1], results[name]))
    each = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in took.items())
    console.print(f"\n{LEGEND}\n{minutes:.1f} minutes in all: {each}")
    if (out := asked.out or _home(asked, device)) is not None:
        write_text(out, json.dumps(_json(options, host, minutes, took, results), indent=1) + "\n")
        console.print(f"wrote {out}", markup=False)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", type=_sections, metavar=",".join(SECTIONS), help="some sections")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--images", default="specimens", metavar="DIR|NAME", help="default: specimens")
    parser.add_argument("--checkpoint", metavar="FILE|NAME", help="default: the shipped one")
    parser.add_argument("--quick", action="store_true", help="little of everything: does each row work?")
    parser.add_argument("--runs", type=int, help="runs a row (default: 5, on a GPU 3, quick 1)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="where to write JSON (a whole run: benchmarks/results.json)"
    )
    parser.add_argument("--show", type=Path, metavar="FILE", help="measure nothing: write a kept result down")
    return parser.parse_args()


def titles() -> dict[str, str]:
    """Give each section's title by its name."""
    return {name: title for name, (_, title) in SECTIONS.items()}


def _sections(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in SECTIONS:
            raise argparse.ArgumentTypeError(f"there is no section {name!r}: choose {', '.join(SECTIONS)}")
    return names


def _measure(live: Console, name: str, options: Options, host: Host) -> list[Row | Remark]:
    live.print(f"\n{name}", style="bold")
    rows: Callable[[Options, Host], Iterator[Row | Remark]]
    rows = import_module(f"benchmarks.{SECTIONS[name][0]}").rows
    measured: list[Row | Remark] = []
    began, most = time.perf_counter(), SECONDS[options.device.type]
    for row in rows(options, host):
        live.print(f"  {_line(row)}", markup=False)
        measured.append(row)
        if time.perf_counter() - began > most:
            measured.append(Remark(f"{name} was stopped here: it has had its {most:.0f} seconds"))
            break
    return measured


def _line(row: Row | Remark) -> str:
    if isinstance(row, Remark):
        return row.text
    return "  ".join(" ".join(cell.split("\n")) for cell in cells(row) if cell)


def _all_on(device: torch.device) -> list[str]:
    """Give the names of all sections that a device has."""
    return list(SECTIONS) if device.type == "cpu" else list(ON_CUDA)


def _home(asked: argparse.Namespace, device: torch.device) -> Path | None:
    """Give the file that keeps the results, which only a run of all sections may write."""
    if (
        set(asked.only or _all_on(device)) != set(_all_on(device))
        or asked.quick
        or asked.images != "specimens"
        or asked.checkpoint
    ):
        return None
    return FOLDER / ("results.json" if device.type == "cpu" else f"results-{device.type}.json")


def _json(
    options: Options,
    host: Host,
    minutes: float,
    took: dict[str, float],
    results: dict[str, list[Row | Remark]],
) -> dict[str, Any]:
    return {
        "zfexplore": __version__,
        "machine": host.to_json(),
        "images": options.images,
        "runs": options.runs,
        "quick": options.quick,
        "minutes": minutes,
        "seconds": took,
        "sections": {name: [row.to_json() for row in rows] for name, rows in results.items()},
    }


if __name__ == "__main__":
    main()
