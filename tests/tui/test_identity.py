"""Which terminal draws what, read from what it answers."""

from __future__ import annotations

import pytest

from zfexplore.tui.identity import (
    Terminal,
    asked,
    asked_of_tmux,
    graphics_of,
    may_be_asked,
    named,
    told_by_tmux,
)

OK = "\x1b_Gi=31;OK\x1b\\"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kitty(0.40.1)", ("kitty", (0, 40, 1))),
        ("ghostty 1.2.0", ("ghostty", (1, 2, 0))),
        ("ghostty 1.0.2-main+5cb2fa6f", ("ghostty", (1, 0, 2))),
        ("foot(1.20.2)", ("foot", (1, 20, 2))),
        ("VTE(8003)", ("vte", (8003,))),
        ("WezTerm 20240203-110809-5046fc22", ("wezterm", (20240203,))),
        ("XTerm(379)", ("xterm", (379,))),
        ("something", ("something", ())),
        ("", ("", ())),
    ],
)
def test_names_and_versions_are_read_as_terminals_write_them(text, expected):
    assert named(text) == expected


@pytest.mark.parametrize(
    ("name", "version", "glyphs"),
    [
        ("kitty", (0, 40), "octants"),
        ("kitty", (0, 39, 1), "sextants"),
        ("kitty", (0, 19, 3), "quadrants"),
        ("foot", (1, 20, 0), "octants"),
        ("ghostty", (1, 1, 3), "sextants"),
        ("ghostty", (1, 2), "octants"),
        ("vte", (7802,), "sextants"),
        ("vte", (8000,), "octants"),
        ("wezterm", (20240203,), "sextants"),
        ("kitty", (), "quadrants"),  # no version: not known
        ("konsole", (24, 12), "quadrants"),
        ("", (), "quadrants"),
    ],
)
def test_the_finest_glyphs_known_of_a_terminal(name, version, glyphs):
    assert Terminal(name, version).finest == glyphs


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            f"\x1bP>|kitty(0.41.1)\x1b\\{OK}\x1b[6;18;9t\x1b[?62;c",
            Terminal("kitty", (0, 41, 1), "kitty", (9, 18), tiles=True),
        ),
        (
            f"\x1bP>|ghostty 1.2.0\x1b\\{OK}\x1b[6;34;16t\x1b[?62;22c",
            Terminal("ghostty", (1, 2, 0), "kitty", (16, 34), tiles=True),
        ),
        # It has kitty's graphics, but no placeholders.
        (
            f"\x1bP>|WezTerm 20240203-110809-5046fc22\x1b\\{OK}\x1b[?65;4;6;18;22c",
            Terminal("wezterm", (20240203,), "sixel", (0, 0)),
        ),
        ("\x1bP>|kitty(0.26.5)\x1b\\\x1b[?62;c", Terminal("kitty", (0, 26, 5))),
        ("\x1b[?1;2c", Terminal()),
    ],
)
def test_an_answer_is_read(answer, expected):
    assert asked(answer) == expected


@pytest.mark.parametrize(
    ("answer", "graphics"),
    [
        ("\x1b[6;17;8t\x1b[?63;1;2;4;6;9;15;16;22;28c", "sixel"),  # xterm 379 as a vt340
        ("\x1b_Gi=31;OK\x1b\\\x1b[6;18;9t\x1b[?62;c", "kitty"),  # kitty 0.41
        ("\x1b[6;18;9t\x1b[?62;c", ""),  # kitty 0.26, which has no placeholders
        ("\x1b_Gi=31;OK\x1b\\\x1b[?65;4;6;18;22c", "sixel"),  # both: placeholders may be missing
        ("\x1b[?64;14;24c", ""),  # no 4 among the attributes
        ("", ""),
    ],
)
def test_the_graphics_of_the_large_view_are_read(answer, graphics):
    assert graphics_of(answer) == graphics


@pytest.mark.parametrize(
    ("environment", "may"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "screen-256color"}, False),
        ({"TERM": "linux"}, False),
        ({}, False),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, False),
    ],
)
def test_terminals_that_cannot_answer_are_not_asked(environment, may):
    assert may_be_asked(environment) is may


def test_tmux_tells_of_the_terminal_outside_but_octants_may_not_pass_it():
    kitty = told_by_tmux("kitty(0.41.1)|256,RGB,title|1\n")
    assert kitty == Terminal("kitty", (0, 41, 1), tiles=True, tmux=True)
    assert kitty.finest == "sextants"
    assert told_by_tmux("kitty(0.41.1)|256,RGB|0\n").tiles is False  # allow-passthrough is off
    assert told_by_tmux("kitty(0.41.1)|256|all\n").tiles is False  # numbers, which are colours, are rounded
    assert told_by_tmux("ghostty 1.2.0|RGB|all\n").tiles is True
    assert told_by_tmux("foot(1.20.0)|RGB|on\n").tiles is False
    assert told_by_tmux("||\n") == Terminal(tmux=True)
    assert told_by_tmux("") == Terminal(tmux=True)


def test_without_tmux_it_is_not_asked():
    assert asked_of_tmux({}) == Terminal()
