from __future__ import annotations

from zfexplore.tui.app import ExplorerApp
from zfexplore.tui.keys import KEYS, bindings
from zfexplore.tui.widgets.pictures import PictureGrid
from zfexplore.tui.widgets.rows import Rows


def test_ids_are_unique():
    assert len({key.id for key in KEYS}) == len(KEYS)


def test_no_key_means_two_things_at_one_place():
    for here in ({"everywhere", "list"}, {"zoom"}):
        used = [name for key in KEYS if key.place in here for name in key.keys.split(",")]
        assert len(set(used)) == len(used)


def test_every_action_is_there():
    for key in KEYS:
        name = key.action.partition("(")[0].removeprefix("app.")
        homes = {"everywhere": [ExplorerApp], "list": [Rows, PictureGrid]}.get(key.place, [])
        assert all(hasattr(home, f"action_{name}") for home in homes), key.id


def test_bindings_carry_id_and_help_so_that_users_can_change_them():
    assert all(binding.id and binding.tooltip for binding in bindings("everywhere", "list"))
