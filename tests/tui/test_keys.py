from __future__ import annotations

import pytest

from zfexplore.tui.app import ExplorerApp
from zfexplore.tui.keys import CONCERNS, EVERYWHERE, FOLLOWING, LARGE, PANES, TABLES, bindings, tables_from
from zfexplore.tui.screens.zoom import ZoomScreen
from zfexplore.tui.widgets.minimap import Minimap
from zfexplore.tui.widgets.pictures import PictureGrid
from zfexplore.tui.widgets.rows import Rows


def test_ids_are_unique():
    ids = [key.id for table in TABLES.values() for key in table]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("together", [EVERYWHERE + PANES, LARGE])
def test_no_key_means_two_things_at_one_place(together):
    used = [name for key in together for name in key.keys.split(",")]

    assert len(set(used)) == len(used)


@pytest.mark.parametrize(
    ("table", "homes"),
    [(EVERYWHERE, [ExplorerApp]), (PANES, [Rows, PictureGrid, Minimap]), (LARGE, [ZoomScreen])],
)
def test_every_action_is_there(table, homes):
    for key in table:
        name = key.action.partition("(")[0]
        owners = [ExplorerApp] if name.startswith("app.") else homes
        assert all(hasattr(home, f"action_{name.removeprefix('app.')}") for home in owners), key.id


@pytest.mark.parametrize("place", ["", *CONCERNS, *TABLES])
def test_help_lists_the_keys_of_the_screen_once_and_first_those_of_the_place(place):
    tables = tables_from(place)
    screen = (PANES, EVERYWHERE, FOLLOWING) if place in ("", *CONCERNS) else (TABLES[place],)

    listed = [key.id for table in tables.values() for key in table]
    assert sorted(listed) == sorted(key.id for table in screen for key in table)
    first = f"in the {place}" if place in CONCERNS else place or "in a pane"
    assert next(iter(tables)).startswith(first)


def test_what_concerns_a_pane_are_keys_that_there_are():
    ids = {key.id for key in EVERYWHERE}

    assert all(ids.issuperset(concerns) for concerns in CONCERNS.values())


def test_bindings_carry_id_and_help_so_that_users_can_change_them():
    assert all(binding.id and binding.tooltip for binding in bindings(EVERYWHERE))
