"""Parameters that know their type: what is drawn, changed and combined stays what it is."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research import Alias, Domain
from samplers import Bool, Choice, Float, Int, Ordinal

seeds = st.integers(0, 2**32)
places = st.floats(0, 1)
steps = st.floats(1e-9, 0.5)
bounds = st.floats(-1e9, 1e9)


@st.composite
def floats(draw):
    low = draw(bounds)
    high = low + draw(st.floats(1e-6, 1e9)) * max(1.0, abs(low) * 1e-6)
    if draw(st.booleans()):
        return Float(abs(low) + 1e-9, abs(low) + 1e-9 + (high - low), log=True)
    return Float(low, high)


@st.composite
def ints(draw):
    low, n = draw(st.integers(-(10**9), 10**9)), draw(st.integers(0, 10**6))
    if draw(st.booleans()):
        return Int(abs(low) + 1, abs(low) + 1 + n, log=True)
    return Int(low, low + n, step=draw(st.integers(1, 1000)))


options = st.lists(
    st.none() | st.booleans() | st.integers() | st.text() | st.tuples(st.integers()),
    min_size=1,
    unique_by=lambda option: (type(option), option),
)
counted = ints() | options.map(Ordinal) | options.map(Choice) | st.just(Bool())
kinds = floats() | counted


def is_one_of(kind, value):
    if isinstance(kind, Float):
        return type(value) is float and kind.low <= value <= kind.high
    if isinstance(kind, Int):
        return type(value) is int and kind.low <= value <= kind.high and not (value - kind.low) % kind.step
    return any(value is option for option in kind.options)


@given(kinds, places, places, seeds, steps, st.floats(0, 100))
def test_whatever_is_done_with_values_gives_values(kind, one, other, seed, step, eta):
    rng = np.random.default_rng(seed)
    left, right = kind.at(one), kind.at(other)
    made = [kind.draw_one(rng), left, right, kind.mutate(left, rng, step), *kind.cross(left, right, rng, eta)]
    for value in made:
        assert is_one_of(kind, value), (kind, value)
        assert kind.contains(value)
        assert 0 <= kind.place(value) <= 1


@given(counted, places, seeds, steps)
def test_what_can_be_counted_always_changes(kind, place, seed, step):
    value = kind.at(place)
    changed = kind.mutate(value, np.random.default_rng(seed), step)
    assert (kind.number(changed) == kind.number(value)) == (kind.n_values == 1)


@pytest.mark.parametrize("value", [-3, -1, 0, 1, 7, 8])
@pytest.mark.parametrize("step", [1e-9, 0.01, 0.2])
def test_no_int_stays_as_it_is_whatever_its_size(value, step):
    rng = np.random.default_rng(1)
    assert all(Int(-3, 8).mutate(value, rng, step) != value for _ in range(100))


@given(counted, places)
def test_a_value_is_where_its_place_is(kind, place):
    number = kind.number(kind.at(place))
    assert kind.number(kind.at(kind.place(kind.at(place)))) == number


@given(floats(), places)
def test_a_float_is_where_its_place_is(kind, place):
    value = kind.at(place)
    assert kind.at(kind.place(value)) == pytest.approx(value, rel=1e-12, abs=1e-9 * (kind.high - kind.low))


@pytest.mark.parametrize(
    "kind",
    [
        Int(-5, 6),
        Int(1, 12, log=True),
        Int(0, 33, step=3),
        Bool(),
        Choice(range(12)),
        Ordinal(list("abcdefghijkl")),
    ],
    ids=repr,
)
def test_every_value_can_be_drawn_and_be_reached_from_every_other(kind):
    rng = np.random.default_rng(1)
    values = [kind.value(number) for number in range(kind.n_values)]
    assert set(kind.sample(2000)[:, 0].tolist()) == set(values)
    for value in values:
        others = {kind.mutate(value, rng, 0.4) for _ in range(2000)}
        assert others == set(values) - ({value} if len(values) > 1 else set())


def test_mutations_of_floats_reach_all_of_the_range_and_go_as_far_as_they_are_told():
    kind, rng = Float(0, 1), np.random.default_rng(1)
    near = np.array([kind.mutate(0.5, rng, 0.01) for _ in range(2000)])
    far = np.array([kind.mutate(0.1, rng, 0.3) for _ in range(2000)])
    assert 0.005 < np.abs(near - 0.5).mean() < 0.02
    assert np.histogram(far, bins=10, range=(0, 1))[0].min() > 0


def test_crossover_of_numbers_stays_around_the_parents_the_nearer_the_greater_eta_is():
    kind, rng = Float(0, 10), np.random.default_rng(1)
    distances = {}
    for eta in (2, 20):
        pairs = np.array([kind.cross(4.0, 6.0, rng, eta) for _ in range(2000)])
        distances[eta] = np.abs(pairs - [4.0, 6.0]).mean()
        assert pairs.mean() == pytest.approx(5, abs=0.1)
    assert distances[20] < distances[2] / 3


def test_the_logarithm_makes_ratios_count():
    assert Float(1e-4, 1, log=True).place(1e-2) == pytest.approx(0.5)
    assert Float(1e-4, 1).place(1e-2) < 0.01
    drawn = Int(1, 1000, log=True, seed=1).sample(3000)
    assert 0.4 < (drawn < 32).mean() < 0.6


@given(kinds)
def test_they_are_values(kind):
    names = {"Float": Float, "Int": Int, "Choice": Choice, "Ordinal": Ordinal, "Bool": Bool}
    assert eval(repr(kind), names) == kind
    assert pickle.loads(pickle.dumps(kind)) == kind
    assert hash(kind) == hash(eval(repr(kind), names))


def test_those_of_other_content_differ():
    every = [
        Float(0, 1),
        Float(0, 2),
        Float(0.5, 1),
        Float(0.5, 1, log=True),
        Int(1, 2),
        Int(1, 3),
        Int(1, 3, step=2),
    ]
    every += [
        Int(1, 3, log=True),
        Choice([1]),
        Choice([True]),
        Ordinal([1]),
        Choice([1, 2]),
        Choice([2, 1]),
        Bool(),
    ]
    assert [left == right for left in every for right in every] == np.eye(
        len(every), dtype=bool
    ).ravel().tolist()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Float(1, 1), r"low < high must hold, but got low=1, high=1"),
        (lambda: Float(0, float("inf")), r"`high` must be a finite number, got inf"),
        (lambda: Float("0", 1), r"`low` must be a finite number, got '0'"),
        (lambda: Float(0, 1, log=True), r"`low` must be positive where `log` is True, got 0"),
        (lambda: Float(0, 1, log="yes"), r"`log` must be True or False, got 'yes'"),
        (lambda: Float(-1e308, 1e308), r"farther apart"),
        (lambda: Int(3, 2), r"low <= high must hold, but got low=3, high=2"),
        (lambda: Int(0.5, 2), r"`low` must be an int, got 0.5"),
        (lambda: Int(0, True), r"`high` must be an int, got True"),
        (lambda: Int(0, 2**60), r"`high` must be at most 2\*\*53 from 0"),
        (lambda: Int(0, 2, step=0), r"`step` must be a positive int, got 0"),
        (lambda: Int(1, 9, log=True, step=2), r"`step` must be 1 where `log` is True, got 2"),
        (lambda: Choice([]), r"`options` must have at least one value, got none"),
        (lambda: Choice([1, True, [2], 1.0, [2]]), r"`options` must differ, got \[2\] twice"),
        (lambda: Ordinal("abc"), r"`options` must be a list of values, got 'abc'"),
        (lambda: Choice({1: 2}), r"`options` must be a list of values, got \{1: 2\}"),
        (lambda: Int(0, 3).place(4), r"4 is no value of Int\(0, 3\)"),
        (lambda: Float(0, 1).place(True), r"True is no value of Float"),
        (lambda: Choice([1, 2]).place(1.0), r"1.0 is no value of Choice"),
    ],
)
def test_what_makes_no_sense_is_named(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_configs_have_plain_values_which_belong_to_their_config():
    domain = Domain(
        x=Float(0, 1), n=Int(1, 9), on=Bool(), size=Ordinal(["S", "M"]), f=Choice([abs, (1, 2), None])
    )
    drawn = list(domain[:50])
    kinds = {name: {type(config[name]) for config in drawn} for name in domain.names}
    assert kinds["x"] == {float} and kinds["n"] == {int} and kinds["on"] == {bool} and kinds["size"] == {str}
    assert {config["f"] for config in drawn} == {abs, (1, 2), None}
    assert [config.hash() for config in pickle.loads(pickle.dumps(domain))[:50]] == [
        config.hash() for config in drawn
    ]
    assert domain == Domain(
        x=Float(0, 1), n=Int(1, 9), on=Bool(), size=Ordinal(["S", "M"]), f=Choice([abs, (1, 2), None])
    )
    assert drawn[7] in domain


def test_a_function_without_a_stable_content_is_refused_by_the_name_of_its_parameter():
    with pytest.raises(TypeError, match=r"parameter 'f'"):
        Domain(f=Choice([object()])).check()
    Domain(f=Choice([Alias(object(), "thing")])).check()


def test_what_domains_tell_of_them():
    table = Domain(x=Float(0.5, 1), n=Int(-1, 4), c=Choice(["a"])).describe()
    assert table["kind"].tolist() == ["Float", "Int", "Choice"]
    assert table.loc["n", ["min", "max"]].tolist() == [-1, 4]


@pytest.mark.parametrize("method", ["sobol", "halton", "lhs"])
def test_quasi_random_points_of_them_are_even(method):
    points = Domain.quasi(
        64, method, 1, k=Int(1, 4), on=Bool(), lr=Float(1e-4, 1, log=True), kind=Choice(["a", "b"])
    )
    configs = list(points)
    assert [sum(config["k"] == k for config in configs) for k in (1, 2, 3, 4)] == pytest.approx(
        [16] * 4, abs=2
    )
    assert sum(config["on"] for config in configs) == pytest.approx(32, abs=2)
    assert sum(config["lr"] < 1e-2 for config in configs) == pytest.approx(32, abs=2)
    assert {type(config["k"]) for config in configs} == {int}
    assert points == eval(
        repr(points), {"Domain": Domain, "Int": Int, "Bool": Bool, "Float": Float, "Choice": Choice}
    )
    assert configs[5] in points
