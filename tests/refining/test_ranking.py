"""Who is better than whom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from research.refining.ranking import best_first, crowding, undominated

values = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, np.inf, -np.inf])
tables = st.tuples(st.integers(1, 12), st.integers(1, 3)).flatmap(
    lambda shape: arrays(float, shape, elements=values)
)


def dominates(left, right):
    return bool((left <= right).all() and (left < right).any())


@given(tables)
def test_nobody_dominates_the_first_front_and_somebody_everyone_else(costs):
    first = undominated(costs)
    for row, is_first in zip(costs, first, strict=True):
        assert is_first == (not any(dominates(other, row) for other in costs))


@given(tables, st.integers(0, 12))
def test_whoever_dominates_comes_first(costs, n):
    order = best_first(costs)
    assert sorted(order) == list(range(len(costs)))
    for number, place in enumerate(order):
        assert not any(dominates(costs[later], costs[place]) for later in order[number + 1 :])
    assert best_first(costs, n) == order[:n]


def test_by_one_objective_the_least_is_first_and_missing_ones_last():
    costs = np.array([[2.0], [np.nan], [1.0], [np.inf], [1.0], [-np.inf]])
    assert best_first(costs) == [5, 2, 4, 0, 3, 1]


def test_what_lacks_one_of_several_scores_is_worse_than_all_others():
    costs = np.array([[np.nan, -100.0], [5.0, 5.0], [6.0, 6.0]])
    assert best_first(costs) == [1, 2, 0]


def test_room_is_the_distance_between_neighbours_and_ends_have_all_of_it():
    costs = np.array([[0.0, 10.0], [1.0, 6.0], [4.0, 2.0], [10.0, 0.0]])
    room = crowding(costs)
    assert room[[0, 3]].tolist() == [np.inf, np.inf]
    assert room[1:3] == pytest.approx([4 / 10 + 8 / 10, 9 / 10 + 6 / 10])
    assert best_first(costs)[2:] == [2, 1]


def test_equal_ones_have_no_room():
    assert np.isinf(crowding(np.zeros((3, 2)))).sum() == 2
    assert not np.isnan(crowding(np.array([[np.inf, -np.inf], [0.0, 0.0], [1.0, -1.0]]))).any()
