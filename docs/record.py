"""Makes the README's pictures of the explorer: screens as PNG and a short tour as GIF.

    python docs/record.py [--out docs] [--images photographs] [--checkpoint FILE] [--run RUN]

``--run`` is the folder of a training: two nets and following it are only shown with it.

The real explorer runs with its real engine in a terminal that nobody sees, and is driven by keys; a
frame is taken when what a key asked for is on the screen. How long a frame stays is said here and
not measured: on a slow machine the film is the same. Cache, session and saved figures go to a
temporary folder, so that the film begins as a first start does, without an atlas.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from film import Frame, Shot, save_film, save_still, shoot
from textual.binding import Binding
from textual.pilot import Pilot

from zfexplore.choices import DEFAULT_IMAGES, SHIPPED_NET
from zfexplore.images.open import open_images
from zfexplore.tui import keys
from zfexplore.tui import messages as say
from zfexplore.tui.app import ExplorerApp
from zfexplore.tui.client import EngineProcess
from zfexplore.tui.screens.picture import PictureScreen
from zfexplore.tui.screens.varied import VariedScreen

WIDE, NARROW = (120, 40), (80, 24)
PATIENCE = 240.0  # seconds; half the atlas of the photographs takes ten, on a busy machine minutes
BY_ID = {key.id: key for table in keys.TABLES.values() for key in table}
PICTURE = "sunflower"  # of the built-in photographs, the first of that class
EARLIER = "epoch-020.safetensors"  # the weights of the run that are compared with the shipped ones
TURNS = 12  # of ten degrees, of that picture
CHANNEL = 130  # of the highest convolution, whose growth is shown


class Watched(EngineProcess):
    """The engine, with what it last said of the images and the atlas kept."""

    images: say.ImagesOpened | None = None
    atlas: say.AtlasChanged | None = None

    def start(self, post: Callable[[object], object]) -> None:
        """Begin loading, looking at each message before it is posted."""

        def look(message: object) -> object:
            if isinstance(message, say.ImagesOpened):
                self.images = message
            elif isinstance(message, say.AtlasChanged):
                self.atlas = message
            return post(message)

        super().start(look)

    @property
    def finished(self) -> bool:
        """Whether the atlas knows all images."""
        return self.atlas is not None and self.atlas.complete

    def has_seen(self, share: float) -> bool:
        """Whether the atlas knows that part of the images."""
        if self.atlas is None or self.images is None:
            return False
        return self.finished or self.atlas.images >= share * self.images.count


class Recorder:
    """Presses keys, waits until they have done their work, and takes frames."""

    def __init__(self, pilot: Pilot[None], app: ExplorerApp, engine: Watched) -> None:
        self.pilot, self.app, self.engine = pilot, app, engine
        self.frames: list[Frame] = []

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a condition; TimeoutError, with the screen, where it never comes to hold."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"this never came; the screen:\n{self.text}")
            await self.pilot.pause(0.02)
        await self.pilot.pause()

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join("".join(row) for row in shoot(self.app).glyph)

    @property
    def settled(self) -> bool:
        """Whether all pictures of the channel under the cursor have come."""
        return self.app.settled == self.app.generation

    def frame(self, seconds: float, says: str, *caps: str) -> None:
        """Take a frame."""
        self.frames.append(Frame(shoot(self.app), seconds, caps, says))

    async def press(self, *ids: str, says: str, seconds: float = 1.0, shows: str = "") -> None:
        """Press the keys of those ids and take a frame when all pictures, and ``shows``, are there."""
        pressed = [BY_ID[id].keys.partition(",")[0] for id in ids]
        for key in pressed:
            await self.pilot.press(key)
            await self.pilot.pause()
        await self.until(lambda: self.settled and shows in self.text)
        self.frame(seconds, says, *[self.cap(key) for key in pressed])

    async def type(self, text: str, *, shows: Callable[[], None] = lambda: None) -> None:
        """Type a text, calling ``shows`` after each letter."""
        for letter in text:
            await self.pilot.press(letter)
            await self.pilot.pause()
            shows()

    async def enter(self, *, says: str, seconds: float) -> None:
        """End typing."""
        await self.pilot.press("enter")
        await self.pilot.pause()
        await self.until(lambda: len(self.app.screen_stack) == 1 and self.settled)
        self.frame(seconds, says, self.cap("enter"))

    def cap(self, key: str) -> str:
        """What is written on a key."""
        return key if key == "space" else self.app.get_key_display(Binding(key, "", ""))


async def tour(recorder: Recorder) -> dict[str, Shot]:
    """Walk through the explorer, taking frames; give the stills by file name."""
    await start(recorder)
    press = recorder.press
    await press("sort", says="sort the channels by their strongest response")
    await press("first", says="the strongest channel: nine projections, and what they came from", seconds=2.4)
    for _ in range(2):
        await press("down", says="walk the channels", seconds=0.9)
    stills = {"explorer.png": shoot(recorder.app), "explorer-narrow.png": await narrow(recorder)}
    await layers(recorder)
    await pictures(recorder)
    await comparing(recorder)
    await finding(recorder)
    await keeping(recorder)
    return stills


async def start(recorder: Recorder) -> None:
    """The empty panes, then the atlas growing behind the first pictures."""
    app, engine = recorder.app, recorder.engine

    def seen(share: float) -> bool:
        return recorder.settled and engine.has_seen(share)

    recorder.frame(0.8, "$ zfexplore tui")
    await recorder.until(lambda: app.settled > 0)
    for share in (0.05, 0.5):
        await recorder.until(partial(seen, share))
        recorder.frame(0.9, "the first start looks at all images; nothing waits for it")
    await recorder.until(lambda: engine.finished and recorder.settled)
    recorder.frame(0.9, "all images seen; the next start finds the atlas ready")


async def narrow(recorder: Recorder) -> Shot:
    """The same channel in a small terminal."""
    await recorder.pilot.resize_terminal(*NARROW)
    await recorder.until(lambda: recorder.app.size == NARROW and recorder.settled)
    shot = shoot(recorder.app)
    await recorder.pilot.resize_terminal(*WIDE)
    await recorder.until(lambda: recorder.app.size == WIDE and recorder.settled)
    return shot


async def layers(recorder: Recorder) -> None:
    """Down to the first layer, and back to where each layer was left."""
    names = [layer.name for layer in recorder.app.stages]
    below = names.index(recorder.app.stage_name)
    for _ in range(below):
        await recorder.press("layer-down", "first", says="a layer further down, its strongest channel")
    await recorder.press(*["layer-up"] * below, says="and up again, to where that layer was left")


async def pictures(recorder: Recorder) -> None:
    """One of the nine, large."""
    press = recorder.press
    await press("focus-3", "right", says="one cursor in projections, patches and table", seconds=0.9)
    await press("zoom", says="one picture, large", seconds=1.8, shows="#2 of")
    await press("zoom-box", says="where in the image that was", seconds=1.8)
    await press("zoom-close", "focus-2", says="back to the channels", seconds=0.7)


async def comparing(recorder: Recorder) -> None:
    """Two channels side by side."""
    await recorder.press("pin", says="pin a channel, to compare others with it", seconds=0.9, shows="pinned")
    await recorder.press("down", says="its projections stay at the right", seconds=1.2)
    await recorder.press("pin", says="and let it go", seconds=0.6)


async def finding(recorder: Recorder) -> None:
    """By place on the map, by class, by name."""
    assert recorder.engine.atlas is not None
    app, press, statistics = recorder.app, recorder.press, recorder.engine.atlas.statistics
    says = "the map: all channels of the layer, brighter the stronger"
    await press("focus-6", "down", says=says)
    await press("right", says=says)

    known = statistics[app.stage_name]
    strongest = known.best_class[_strongest(known)]
    says = f"the channels that {strongest} excites most"
    await press("filter", says="filter by number, value or class", seconds=0.6)
    await recorder.type(f"class:{strongest.split()[0]}", shows=lambda: recorder.frame(0.1, says, "/"))
    await recorder.enter(says=says, seconds=1.6)
    await press("cancel", says="all channels again", seconds=0.5)

    below = app.stages[max(0, [layer.name for layer in app.stages].index(app.stage_name) - 2)].name
    name = f"{below}:{_strongest(statistics[below])}"
    await press("palette", says="find a layer, a channel, an action", seconds=0.9, shows="Search")
    await recorder.type(name)
    await recorder.until(lambda: recorder.text.count(name) > 1)
    recorder.frame(0.9, "find a layer, a channel, an action", ":")
    await recorder.enter(says=f"there is {name}", seconds=1.4)


async def keeping(recorder: Recorder) -> None:
    """The figure and the command that makes it."""
    await recorder.press("save", says="save the channel's figure", seconds=1.6, shows="saved")
    recorder.app.clear_notifications()
    await recorder.until(lambda: "saved" not in recorder.text)
    await recorder.press("copy", says="copy the command that makes it", seconds=3.0, shows="copied")


async def own_picture(recorder: Recorder) -> dict[str, Shot]:
    """A picture of one's own: its classes, and channels brought back on it."""
    app, pilot = recorder.app, recorder.pilot
    await recorder.until(lambda: recorder.settled and recorder.engine.finished)
    highest = max(number for number, layer in enumerate(app.stages) if layer.kind == "conv")

    def brought_back() -> bool:
        screen = app.screen
        if not isinstance(screen, PictureScreen) or screen.ranking is None:
            return False
        row = screen.channels.here
        return row is not None and row.unit in screen.seen

    await recorder.press("picture", says="a picture of your own", seconds=0.7)
    await recorder.type("me.jpg")
    recorder.frame(0.7, "a picture of your own")
    await pilot.press("enter")
    await recorder.until(brought_back)
    says = "its classes, and the channels that it excites most unusually: here, and at their best"
    recorder.frame(2.6, says, recorder.cap("enter"))
    await pilot.press("l")
    await pilot.press(*["down"] * (1 + highest), "enter")
    await recorder.until(lambda: isinstance(app.screen, PictureScreen) and brought_back())
    recorder.frame(1.3, "those of one layer", "l")
    for _ in range(4):
        await pilot.press("down")
        await recorder.until(brought_back)
        recorder.frame(1.3, "each brought back to pixels on this very picture", recorder.cap("down"))
    shot = shoot(app)
    await pilot.press("c")
    await recorder.until(brought_back)
    recorder.frame(1.6, "its class, and what speaks for it", "c")
    turned = await moved(recorder)
    await pilot.press("escape")
    await recorder.until(lambda: len(app.screen_stack) == 1)
    return {"explorer-own.png": shot, "explorer-moved.png": turned}


async def moved(recorder: Recorder) -> Shot:
    """The same picture turned, and what stays the same."""
    app, pilot = recorder.app, recorder.pilot
    await pilot.press("d")
    await recorder.until(lambda: isinstance(app.screen, VariedScreen) and app.screen.view is not None)
    await pilot.press("down", "down")  # from shifting over enlarging to turning
    await pilot.pause()
    says = "turn it, and see what stays the same"
    recorder.frame(1.2, says, "d")
    for _ in range(TURNS):
        await pilot.press("right")
        await pilot.pause()
        recorder.frame(0.3, says, recorder.cap("right"))
    shot = shoot(app)
    await pilot.press("escape")
    await recorder.until(lambda: isinstance(app.screen, PictureScreen))
    return shot


async def two_nets(recorder: Recorder) -> dict[str, Shot]:
    """An earlier net beside the shipped one, and the channel that answers alike."""
    app, engine = recorder.app, recorder.engine
    await recorder.until(lambda: recorder.settled and engine.finished)
    app.go_to(app.stage_name, CHANNEL)
    await recorder.until(lambda: recorder.settled)
    recorder.frame(1.2, "$ zfexplore tui --checkpoint epoch-020.safetensors --checkpoint shipped")
    grid = app.panes.grids[1]
    await recorder.press("both-nets", says="both nets at once")
    await recorder.until(lambda: len(grid.pictures) > 0 and not grid.stale)
    await recorder.pilot.pause(1.0)
    recorder.frames[-1] = Frame(shoot(app), 2.0, (recorder.cap("W"),), "both nets, under one channel number")

    def renewed(before: object) -> bool:
        return recorder.settled and not grid.stale and grid.pictures != before

    for _ in range(2):
        before = grid.pictures
        await recorder.pilot.press("down")
        await recorder.until(partial(renewed, before))
        await recorder.pilot.pause(1.0)
        recorder.frame(1.6, "both follow the cursor", recorder.cap("down"))
    await recorder.pilot.press("equals_sign")
    await recorder.until(lambda: app.pair is not None and recorder.settled)
    await recorder.pilot.pause(1.0)
    recorder.frame(2.6, "the channel of the other net that answers most alike", "=")
    return {}


async def growing(recorder: Recorder) -> dict[str, Shot]:
    """A channel at each of the weights that a training kept."""
    app = recorder.app
    await recorder.until(lambda: app.course is not None and recorder.settled and app.whole)
    assert app.course is not None
    says = "$ zfexplore tui --follow runs/photographs"
    app.go_to(app.stage_name, CHANNEL)
    app.go_to_weights(0)
    for number, kept in enumerate(app.course.weights):
        if number:
            await recorder.pilot.press("right_parenthesis")
        await recorder.until(lambda kept=kept: app.shown == kept and recorder.settled and app.whole)
        recorder.frame(
            1.8, says if not number else "a channel as it learns: figure 4 of the paper", *")"[:number]
        )
    return {"explorer-follow.png": shoot(app)}


def _strongest(known: say.StageStatistics) -> int:
    return max(range(len(known.maximum)), key=lambda channel: known.maximum[channel])


async def record(setup: say.Setup, course: Callable[[Recorder], Any]) -> tuple[list[Frame], dict[str, Shot]]:
    """Run the explorer through the course of one film."""
    engine = Watched(setup)
    app = ExplorerApp(setup, engine, mode="octants")
    app.animation_level = "none"
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        recorder = Recorder(pilot, app, engine)
        stills = await course(recorder)
    return recorder.frames, stills


def record_all(setup: say.Setup, run: Path | None) -> tuple[list[Frame], dict[str, Shot]]:
    """Run the tour, and with a training's folder what needs one."""
    courses = [(setup, tour), (replace(setup, images="album"), own_picture)]
    if run is not None:
        nets = (str(run / EARLIER), SHIPPED_NET)
        courses.append((replace(setup, checkpoint=nets[0], checkpoints=nets), two_nets))
        courses.append((replace(setup, follow=str(run), stages=("conv*",)), growing))
    frames, stills = [], {}
    for each, course in courses:
        more, shots = asyncio.run(record(each, course))
        frames += more
        stills |= shots
    return frames, stills


def main() -> None:
    """Parse, record, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    parser.add_argument("--images", default=DEFAULT_IMAGES, help="images to explore")
    parser.add_argument("--checkpoint", help="weights; the shipped ones where left out")
    parser.add_argument("--run", type=Path, help="folder of a training, for two nets and for following")
    options = parser.parse_args()
    out = options.out.resolve()
    images = str(Path(options.images).resolve()) if Path(options.images).exists() else options.images
    checkpoint = str(Path(options.checkpoint).resolve()) if options.checkpoint else None

    run = options.run.resolve() if options.run else None

    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ.update(ZFEXPLORE_CACHE=folder, XDG_CONFIG_HOME=folder)
        os.environ.pop("NO_COLOR", None)
        album = open_images(DEFAULT_IMAGES)
        number = next(one for one in range(len(album)) if PICTURE in album.image_name(one))
        album[number].image.save("me.jpg", quality=95)
        Path("album").mkdir()
        for one in set(range(len(album))) - {number}:  # it must not find itself
            album[one].image.save(Path("album", f"{one:03}.webp"), lossless=True, quality=0)
        frames, stills = record_all(say.Setup(images, checkpoint), run)
    for name, shot in stills.items():
        save_still(shot, out / name)
        print(out / name, (out / name).stat().st_size)
    save_film(frames, out / "tour.gif")
    print(out / "tour.gif", (out / "tour.gif").stat().st_size, len(frames), sum(f.seconds for f in frames))


if __name__ == "__main__":
    main()
