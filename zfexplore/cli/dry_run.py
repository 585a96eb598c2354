"""What ``zfexplore train --dry-run`` prints: a training before it begins, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from zfexplore.training.dry_run import DryRun


def table(found: DryRun, *, hours: float | None) -> Table:
    """Draw what was found; ``hours`` is the time that was asked for."""
    from rich.table import Table

    drawn = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    drawn.add_column(style="dim")
    drawn.add_column(overflow="fold")
    ranks, many = found.ranks, found.ranks > 1
    size = "unknown" if found.bytes_an_epoch is None else in_bytes(found.bytes_an_epoch)
    if many and found.bytes_an_epoch is not None:
        size += f", {in_bytes(found.bytes_an_epoch / ranks)} by each rank"
    drawn.add_row("images", f"{found.training:,} to train on, {found.held_out:,} held out")
    drawn.add_row("classes", f"{found.classes:,}")
    drawn.add_row("read in an epoch", size)
    drawn.add_row("steps", f"{found.steps_per_epoch:,} an epoch, {found.steps:,} in all")
    decode = f"{found.cores} decode here"
    if many:
        here = "all on this machine" if found.local_ranks == ranks else f"{found.local_ranks} on this machine"
        drawn.add_row("ranks", f"{ranks}, {here}; the first learns from {found.batch} images of a step")
        decode = f"{found.cores} decode for each rank, {found.cores * ranks} for all"
    drawn.add_row("one core decodes", f"{_rate(found.decoded_per_core)}; {decode}")
    for one in found.sizes:
        where = "held in memory" if one.held else "decoded anew every epoch"
        epochs = "1 epoch" if one.epochs == 1 else f"{one.epochs} epochs"
        drawn.add_row(
            f"{epochs} at {one.size} px",
            f"{_learns(one.images_per_second, ranks)}; decoded squares take "
            f"{in_bytes(one.decoded_bytes)}{' in each rank' if many else ''}, {where}",
        )
    those = f" of the {found.local_ranks} ranks here" if many else ""
    drawn.add_row("free memory", f"{in_bytes(found.free_memory)}, of which squares{those} may take half")
    cores = f"{found.cores_to_feed:,}{f', {found.cores_to_feed * ranks:,} for all' if many else ''}"
    drawn.add_row("cores to feed one device", f"{cores}, where squares are not held")
    if many:
        drawn.add_row("gradients", f"{in_bytes(found.gradient_bytes)} a step; their way is not in the time")
    drawn.add_row("time to expect", f"{in_time(found.seconds)}, {_rate(found.images_per_second)}")
    if found.needed is not None:
        drawn.add_row(f"for {hours:g} h it needs", _rate(found.needed))
    if found.unreadable:
        drawn.add_row("cannot be read", f"{found.unreadable:,} of those that were tried")
    return drawn


def _learns(rate: float, ranks: int) -> str:
    if ranks == 1:
        return f"the net learns {_rate(rate)}"
    return f"each rank learns {_rate(rate)}, all together {_rate(rate * ranks)}"


def in_bytes(count: float) -> str:
    """Give bytes in the largest fitting unit, in thousands."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB" if count < 1000 else f"{count:,.0f} TB"


def in_time(seconds: float) -> str:
    """Give a time in the two units that matter."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours / 24:,.1f} days"


def _rate(images: float) -> str:
    return f"{images:,.0f} images/s" if images >= 10 else f"{images:.2g} images/s"
