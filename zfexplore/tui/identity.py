"""Who the terminal is, and what pictures it is known to draw.

It is asked once, after the first frame, and nobody waits: until the answer comes, and if none comes,
pictures are quadrants, which every font has. Only what somebody has written of a terminal stands in
``KNOWN``, and who:

- octants: Ghostty and WezTerm draw them themselves since ghostty-org/ghostty#5433 and wezterm/wezterm#6502;
  WezTerm's changelog has them in its builds of 2026. Of kitty 0.40, foot 1.20 and Ghostty 1.2 the thread
  breferrari/vigia#324 says so, which names their sources and release notes, and of VTE even since 0.78;
- sextants, from issue threads alone: kitty 0.20 (kovidgoyal/kitty#3106 was the last error), VTE 0.60,
  Ghostty 1.0 and WezTerm 20210814 (dankamongmen/notcurses#2833, #1715).

Alacritty does not tell its version, Konsole and xterm take them from a font, and Windows Terminal has them
in its newest builds only (microsoft/terminal#20424): there quadrants stay. tmux may know what the terminal
outside is, but what it passes on depends on its C library: one older than Unicode 16 drops octants.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from zfexplore.choices import Glyphs

SAFE: Glyphs = "quadrants"
KNOWN: tuple[tuple[str, tuple[int, ...], Glyphs], ...] = (  # from which version on; the finest first
    ("kitty", (0, 40), "octants"),
    ("foot", (1, 20), "octants"),
    ("ghostty", (1, 2), "octants"),
    ("vte", (8000,), "octants"),
    ("wezterm", (20260101,), "octants"),
    ("kitty", (0, 20), "sextants"),
    ("ghostty", (1, 0), "sextants"),
    ("vte", (6000,), "sextants"),
    ("wezterm", (20210814,), "sextants"),
)
PLACEHOLDERS = {"kitty": (0, 28), "ghostty": (1, 0)}  # kitty's graphics as text, from which version on
DEAF = ("dumb", "linux", "screen", "tmux")  # terminals, by the first word of TERM, that need not be asked

# Its name and version, kitty's graphics with placeholders (U=1: kitty before 0.28 has none, and leaves this
# unanswered), the size of a cell, and last what every terminal answers, in order: its attributes, 4 among
# them for sixel.
QUESTION = "\x1b[>q\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24,U=1;AAAA\x1b\\\x1b[16t\x1b[c"
ATTRIBUTES = re.compile(r"\x1b\[\?([\d;]*)c")
CELL = re.compile(r"\x1b\[6;(\d+);(\d+)t")
NAME = re.compile(r"\x1bP>\|([^\x1b]*)\x1b")
VERSION = re.compile(r"([A-Za-z]+)[ (](\d+(?:\.\d+)*)")
ASK_TMUX = "#{client_termtype}|#{client_termfeatures}|#{allow-passthrough}"


@dataclass(frozen=True)
class Terminal:
    """What is known of the terminal: ``graphics`` is "sixel", "kitty" or nothing, ``cell`` in pixels.

    ``tiles`` tells whether it draws pictures as text, ``tmux`` whether escapes must pass through it.
    """

    name: str = ""
    version: tuple[int, ...] = ()
    graphics: str = ""
    cell: tuple[int, int] = (0, 0)
    tiles: bool = False
    tmux: bool = False

    @property
    def finest(self) -> Glyphs:
        """The finest glyphs that it is known to draw."""
        known = [glyphs for name, since, glyphs in KNOWN if self.name == name and self.version >= since]
        return next((glyphs for glyphs in known if not (self.tmux and glyphs == "octants")), SAFE)


def asked(answer: str) -> Terminal:
    """Read a terminal's answer to the question."""
    found, cell = NAME.search(answer), CELL.search(answer)
    name, version = named(found[1] if found else "")
    graphics = graphics_of(answer)
    told_kitty = "\x1b_Gi=31;OK\x1b" in answer
    size = (int(cell[2]), int(cell[1])) if cell else (0, 0)
    return Terminal(name, version, graphics, size, told_kitty and has_placeholders(name, version))


def graphics_of(answer: str) -> str:
    """Read from a terminal's answer what it draws: "sixel", "kitty" or nothing.

    Sixel first: konsole and wezterm have both, but of kitty's not the placeholders.
    """
    attributes = ATTRIBUTES.search(answer)
    if attributes and "4" in attributes[1].split(";"):
        return "sixel"
    return "kitty" if "\x1b_Gi=31;OK\x1b" in answer else ""


def named(text: str) -> tuple[str, tuple[int, ...]]:
    """Read name and version as terminals write them: ``kitty(0.40.1)``, ``ghostty 1.2.0``, ``VTE(8003)``."""
    found = VERSION.search(text)
    if found is None:
        return text.strip().lower(), ()
    return found[1].lower(), tuple(map(int, found[2].split(".")))


def has_placeholders(name: str, version: tuple[int, ...]) -> bool:
    """Tell whether a terminal has kitty's graphics with Unicode placeholders."""
    return name in PLACEHOLDERS and version >= PLACEHOLDERS[name]


def may_be_asked(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether this is a terminal that may be asked, and pictures are in colour."""
    return not environment.get("NO_COLOR") and environment.get("TERM", "dumb").split("-")[0] not in DEAF


def asked_of_tmux(environment: Mapping[str, str] = os.environ) -> Terminal:
    """Ask tmux what terminal it is shown on; wait a second at most, and give an unknown one after it."""
    if not environment.get("TMUX") or environment.get("NO_COLOR"):
        return Terminal()
    with suppress(OSError, subprocess.SubprocessError):
        command = ["tmux", "display-message", "-p", ASK_TMUX]
        told = subprocess.run(command, capture_output=True, text=True, timeout=1, check=True).stdout
        return told_by_tmux(told)
    return Terminal()


def told_by_tmux(told: str) -> Terminal:
    """Read what tmux tells: the terminal's own name, its features, and whether escapes are passed on.

    Without 24 bits of colour an image's number, which is a colour, would not arrive.
    """
    kind, features, passed = (told.strip().split("|") + ["", "", ""])[:3]
    name, version = named(kind)
    tiles = passed in ("1", "on", "2", "all") and "RGB" in features.split(",")
    return Terminal(name, version, tiles=tiles and has_placeholders(name, version), tmux=True)
