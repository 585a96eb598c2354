from __future__ import annotations

from zfexplore.nets.fit import Misfit, other_shape, some


def test_a_misfit_names_two_complaints_and_counts_the_others():
    assert str(Misfit("resnet18", 1, 2, ("a is missing",))) == "a is missing"
    assert str(Misfit("resnet18", 1, 4, ("a", "b", "c", "d"))) == "a; b (and 2 more)"


def test_a_share_is_of_whichever_has_more_tensors():
    misfit = Misfit("resnet18", 6, 8)
    assert (misfit.share(4), misfit.share(12)) == (0.75, 0.5)


def test_another_shape_is_said_with_both_names_where_they_differ():
    assert other_shape("a", (1,), "a", (2,)) == "a is (1,) and not (2,)"
    assert other_shape("a", (1,), "b", (2,)) == "a is (1,) where b is (2,)"


def test_many_names_are_shortened():
    assert some(["a", "b"]) == "a, b"
    assert some(["a", "b", "c"]) == "a, b (and 1 more)"
