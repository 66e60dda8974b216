"""The numbering of items: sums of products, passes and repetitions, against counting them one by one."""

from __future__ import annotations

from itertools import count, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research import Domain
from research.domain.cubes import Cube
from research.domain.drawing import Draft, Stream
from research.domain.factors import Column, DrawFactor
from research.domain.ordering import Sum, Walk
from samplers import NumpySampler


def every_config(length):
    """Walk a domain again and again: pairs of a position and a pass."""
    for pass_ in count():
        for position in count() if length is None else range(length):
            yield position, pass_


def listed(length, n_items, n_reps, repeat_each):
    """Make all items one by one: (position, pass, repetition)."""
    n_items = length if n_items is None else n_items
    configs = every_config(length) if n_items is None else islice(every_config(length), n_items)
    size = repeat_each or length or 100
    while group := list(islice(configs, size)):
        for repetition in range(n_reps):
            yield from ((position, pass_, repetition) for position, pass_ in group)


SETTINGS = {
    "n_items": st.none() | st.integers(1, 30),
    "n_reps": st.integers(1, 4),
    "repeat_each": st.none() | st.integers(1, 12),
}


@given(st.integers(1, 12), st.fixed_dictionaries(SETTINGS))
def test_a_finite_walk_is_what_counting_gives(length, settings):
    walk = Walk(length, **settings)
    expected = list(listed(length, **settings))
    assert walk.size == len(expected)
    assert walk.n_configs == len(expected) // settings["n_reps"]
    assert [tuple(walk.place(number)) for number in range(walk.size)] == expected
    assert list(walk.places()) == expected


@given(st.fixed_dictionaries(SETTINGS))
def test_an_endless_walk_is_what_counting_gives(settings):
    walk = Walk(None, **settings)
    expected = list(islice(listed(None, **settings), 1000))
    assert [tuple(walk.place(number)) for number in range(len(expected))] == expected
    assert list(islice(walk.places(), len(expected))) == expected
    if settings["n_items"] is None:
        assert walk.size is walk.n_configs is None
        assert len(expected) == 1000
    else:
        assert walk.size == len(expected)


@given(st.integers(1, 10**30), st.integers(1, 5), st.integers(0, 10**40), st.integers(0, 10**6))
def test_a_place_far_away_is_found_at_once(length, n_reps, passes, number):
    walk = Walk(length, n_items=length * (passes + 1) + 10**7, n_reps=n_reps)
    near = walk.place(number)
    far = walk.place(number + passes * length * n_reps)
    assert far == near._replace(pass_=near.pass_ + passes)


@pytest.mark.parametrize("n_items", [None, 1, 10])
def test_a_walk_over_nothing_has_nothing(n_items):
    walk = Walk(0, n_items=n_items, n_reps=3)
    assert walk.size == walk.n_configs == 0
    assert list(Domain().set_iter_params(n_items=n_items, n_reps=3).iterator) == []


def test_an_endless_domain_is_repeated_after_every_hundred_configs():
    walk = Walk(None, n_reps=2)
    assert [tuple(walk.place(number)) for number in (99, 100, 199, 200, 300)] == [
        (99, 0, 0),
        (0, 0, 1),
        (99, 0, 1),
        (100, 0, 0),
        (100, 0, 1),
    ]


def cube(number, length):
    """A product whose configs tell which one it is."""
    if length is None:
        return Cube([DrawFactor(f"s{number}", NumpySampler("n"))])
    return Cube([Column(f"a{number}", range(length))])


@given(st.lists(st.none() | st.integers(0, 5), max_size=6))
def test_a_sum_is_one_product_after_another(lengths):
    total = Sum([cube(number, length) for number, length in enumerate(lengths)])
    expected = [
        (number, position)
        for number, length in enumerate(lengths)
        for position in range(20 if length is None else length)
    ]
    endless = next((number for number, length in enumerate(lengths) if length is None), None)
    if endless is None:
        assert total.length == len(expected)
    else:
        expected = [pair for pair in expected if pair[0] <= endless]
        assert total.length is None
    for index, (number, position) in enumerate(expected):
        draft = Draft()
        total.put(total.locate(index, Stream()), draft)
        ((name, value),) = draft.items.items()
        assert int(name[1:]) == number
        assert (draft.counts[0] if lengths[number] is None else value) == position


def test_sums_of_huge_products_are_located_exactly():
    big = Domain(a=range(10**15), b=range(10**15))
    domain = big + Domain(c=[1]) + big + Domain(c=[2])
    assert domain.len == 2 * 10**30 + 2
    assert domain[10**30 - 1] == {"a": 10**15 - 1, "b": 10**15 - 1}
    assert domain[10**30] == {"c": 1}
    assert domain[10**30 + 1] == {"a": 0, "b": 0}
    assert domain[-1] == domain[2 * 10**30 + 1] == {"c": 2}
