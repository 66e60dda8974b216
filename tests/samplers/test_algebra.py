"""Operators: mixtures, weights, stacks, arithmetic, apply, and the laws of what they make."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy import stats

from research import Domain
from samplers import (
    ConstantSampler,
    HistoSampler,
    NumpySampler,
    Sampler,
    ScipySampler,
    SobolSampler,
    make_rng,
)

N_POINTS = 10_000
LEAST = 1e-3
NORMAL = NumpySampler("n", seed=1)
UNIFORM = NumpySampler("u", seed=1)
PLANE = NumpySampler("n", seed=1, dim=2)
PAIR = (1, 2)


def points_of(sampler, size=N_POINTS, seed=1):
    return sampler.draw(make_rng(seed), size)


def p_value(sampler, cdf):
    return stats.kstest(points_of(sampler)[:, 0], cdf).pvalue


def normals(*parts):
    """Distribution function of a mixture of normals, given (weight, mean) of each."""
    total = sum(weight for weight, _ in parts)
    return lambda x: sum(weight * stats.norm.cdf(x, mean) for weight, mean in parts) / total


def at(mean):
    return NumpySampler("n", loc=mean)


MIXTURES = {
    "equal": (at(0) | at(5), [(1, 0), (1, 5)]),
    "weights": (0.3 & at(0) | 0.7 & at(5), [(3, 0), (7, 5)]),
    "weights need not sum to one": (3 & at(0) | 1 & at(5), [(3, 0), (1, 5)]),
    "weight at the right": (at(0) & 0.2 | at(5) & 0.8, [(2, 0), (8, 5)]),
    "one weight given": (0.25 & at(0) | at(5), [(1, 0), (4, 5)]),
    "weights of numpy": (np.float64(0.3) & at(0) | at(5) & np.int64(2), [(0.3, 0), (2, 5)]),
    "small weight": (0.01 & at(0) | 0.99 & at(5), [(1, 0), (99, 5)]),
    "three": (0.2 & at(0) | 0.3 & at(5) | 0.5 & at(10), [(2, 0), (3, 5), (5, 10)]),
    "three unweighted": (at(0) | at(5) | at(10), [(1, 0), (1, 5), (1, 10)]),
    "nested": (0.5 & (at(0) | at(5)) | 0.5 & at(10), [(1, 0), (1, 5), (2, 10)]),
    "nested with weights": (0.4 & (0.9 & at(0) | 0.1 & at(5)) | 0.6 & at(10), [(36, 0), (4, 5), (60, 10)]),
    "weighted anew": (0.1 & (0.9 & at(0)) | 0.9 & at(5), [(1, 0), (9, 5)]),
    "of one law": (0.3 & at(0) | 0.7 & at(0), [(1, 0)]),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_mixtures_follow_the_weighted_sum_of_their_parts(name):
    sampler, parts = MIXTURES[name]
    assert p_value(sampler, normals(*parts)) > LEAST


@pytest.mark.parametrize("name", MIXTURES)
def test_parts_of_mixtures_come_as_often_as_their_weights_say(name):
    sampler, parts = MIXTURES[name]
    means = np.array([mean for _, mean in parts])
    found = np.abs(points_of(sampler) - means).argmin(axis=1)
    expected = [
        sum(w * np.diff(stats.norm.cdf([low, high], m))[0] for w, m in parts)
        for low, high in zip([-np.inf, *(means[:-1] + 2.5)], [*(means[1:] - 2.5), np.inf], strict=True)
    ]
    observed = np.bincount(found, minlength=len(means))
    assert (
        len(means) == 1
        or stats.chisquare(observed, np.array(expected) / sum(expected) * N_POINTS).pvalue > LEAST
    )


def test_mixtures_come_in_no_order():
    chosen = points_of(at(0) | at(100))[:, 0] > 50
    assert abs(np.corrcoef(chosen[1:], chosen[:-1])[0, 1]) < 4 / N_POINTS**0.5
    assert 0.45 < chosen.mean() < 0.55


def test_mixing_is_associative():
    a, b, c = at(0), at(5), at(10)
    assert (a | b) | c == a | (b | c)
    np.testing.assert_array_equal(points_of((a | b) | c, 50), points_of(a | (b | c), 50))


def test_a_weight_alone_changes_nothing_of_what_is_drawn():
    assert (0.3 & NORMAL) != NORMAL
    assert (0.3 & NORMAL).weight == 0.3
    for sampler in (NORMAL, NORMAL | UNIFORM, NORMAL & UNIFORM, NORMAL + 1, SobolSampler(seed=1)):
        np.testing.assert_array_equal(points_of(0.3 & sampler, 5), points_of(sampler, 5))
        assert ((0.3 & sampler) & sampler).dim == 2 * sampler.dim


def test_mixtures_of_vectors_keep_points_whole():
    points = points_of(ConstantSampler([1, 2]) | ConstantSampler([3, 4]) | ConstantSampler([5, 6]), 500)
    assert set(map(tuple, points.tolist())) == {(1, 2), (3, 4), (5, 6)}


def test_numbers_and_texts_may_be_mixed_and_stay_what_they_are():
    values = points_of(ConstantSampler("auto") | NumpySampler("integers", low=5), 50)[:, 0].tolist()
    assert {type(value) for value in values} == {str, int}
    configs = list(Domain(i=range(50), x=ConstantSampler("auto") | NORMAL))
    assert {type(config["x"]) for config in configs} == {str, float}


SQUARE = 2**0.5
ARITHMETIC = {
    "sum": (NORMAL + at(1), stats.norm(1, SQUARE)),
    "difference": (NORMAL - at(1), stats.norm(-1, SQUARE)),
    "with itself": (NORMAL + NORMAL, stats.norm(0, SQUARE)),
    "without itself": (NORMAL - NORMAL, stats.norm(0, SQUARE)),
    "mean of four": ((NORMAL + NORMAL + NORMAL + NORMAL) / 4, stats.norm(0, 0.5)),
    "shift": (NORMAL + 3, stats.norm(3)),
    "shift from the left": (3 + NORMAL, stats.norm(3)),
    "minus": (NORMAL - 3, stats.norm(-3)),
    "from": (3 - 2 * NORMAL, stats.norm(3, 2)),
    "scale": (NORMAL * 3, stats.norm(0, 3)),
    "divided": (NORMAL / 4, stats.norm(0, 0.25)),
    "scale of numpy": (np.float64(3) * NORMAL, stats.norm(0, 3)),
    "shift of numpy": (np.int64(3) + NORMAL, stats.norm(3)),
    "array without axes": (np.array(3.0) * NORMAL, stats.norm(0, 3)),
    "quotient": (NORMAL / NORMAL, stats.cauchy()),
    "square": (NORMAL**2, stats.chi2(1)),
    "power": (2**UNIFORM, stats.loguniform(1, 2)),
    "power of numpy": (np.float64(2) ** UNIFORM, stats.loguniform(1, 2)),
    "reciprocal": (1 / UNIFORM, stats.pareto(1)),
    "remainder": ((UNIFORM * 7) % 1, stats.uniform()),
    "sum of uniforms": (UNIFORM + UNIFORM, stats.triang(0.5, 0, 2)),
    "product of lognormals": (NumpySampler("ln") * NumpySampler("ln"), stats.lognorm(SQUARE)),
    "sum of exponentials": (NumpySampler("e") + NumpySampler("e"), stats.gamma(2)),
    "libraries together": (ScipySampler("n") + NORMAL, stats.norm(0, SQUARE)),
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_of_samplers_follows_known_laws(name):
    sampler, law = ARITHMETIC[name]
    assert p_value(sampler, law.cdf) > LEAST


EXACT = {
    "//": (NORMAL // 0.5, lambda x: x // 0.5),
    "// from the left": (7 // NumpySampler("integers", low=1, high=5, seed=1), None),
    "%": (NORMAL % 0.5, lambda x: x % 0.5),
    "%- ": (NORMAL % -0.5, lambda x: x % -0.5),
    "% from the left": (7 % (UNIFORM + 1), None),
    "** from the left": ((-2) ** NumpySampler("integers", low=0, high=5), None),
    "arrays": (PLANE * [2, 3] + np.array([10, 20]), lambda x: x * [2, 3] + [10, 20]),
    "array at the left": (np.array([1.0, 2.0]) - PLANE, lambda x: np.array([1.0, 2.0]) - x),
    "list at the left": ([1, 2] - PLANE, lambda x: np.array([1, 2]) - x),
    "tuple at the left": (PAIR + PLANE, lambda x: np.array([1, 2]) + x),
    "array of one": (PLANE + np.array([5]), lambda x: x + 5),
    "one coordinate, array": (NORMAL * np.array([1, 10, 100]), lambda x: x * np.array([1, 10, 100])),
    "complex": (NORMAL * 1j, lambda x: x * 1j),
}


@pytest.mark.parametrize("name", EXACT)
def test_numbers_and_arrays_from_either_side_do_what_they_do_to_points(name):
    sampler, function = EXACT[name]
    points = points_of(sampler, 20)
    assert points.shape == (20, sampler.dim)
    if function is not None:
        leaf = PLANE if "at the left" in name or name in ("arrays", "array of one") else NORMAL
        np.testing.assert_array_equal(points, function(points_of(leaf, 20)))


def test_floor_division_and_remainder_from_the_left_are_those_of_numbers():
    integers = NumpySampler("integers", low=1, high=5)
    parts = points_of(integers, 50)
    np.testing.assert_array_equal(points_of(7 // integers, 50), 7 // parts)
    np.testing.assert_array_equal(points_of(7 % integers, 50), 7 % parts)
    np.testing.assert_array_equal(points_of((-2) ** integers, 50), (-2) ** parts)
    assert points_of(7 // integers, 5).dtype.kind == "i"


def test_a_sampler_of_one_coordinate_meets_one_of_several():
    sampler = 100 * NumpySampler("u") + PLANE
    points = points_of(sampler)
    assert sampler.dim == 2
    assert np.corrcoef(points.T)[0, 1] > 0.99
    assert (PLANE + PLANE).dim == (PLANE + PAIR).dim == 2


def test_integers_stay_integers_in_configs():
    sampler = 8 * NumpySampler("integers", low=1, high=5)
    values = {config["x"] for config in Domain(i=range(50), x=sampler)}
    assert values == {8, 16, 24, 32}
    assert {type(value) for value in values} == {int}


def test_apply_may_change_the_number_of_coordinates():
    assert PLANE.apply(lambda points: points.sum(axis=1)).dim == 1
    assert PLANE.apply(lambda points: np.hstack([points, points])).dim == 4
    assert NORMAL.apply(lambda points: points[:, 0]).sample(5).shape == (5, 1)
    assert (
        stats.kstest(
            points_of(PLANE.apply(lambda points: (points**2).sum(axis=1)))[:, 0], stats.chi2(2).cdf
        ).pvalue
        > LEAST
    )


def test_apply_calls_the_function_once_for_a_sample_and_once_before():
    sizes = []

    def watched(points):
        sizes.append(points.shape)
        return points

    sampler = PLANE.apply(watched)
    assert len(sizes) == 1
    sampler.sample(7)
    assert sizes[1:] == [(7, 2)]


def test_what_apply_is_given_may_be_any_callable():
    for function in (
        np.exp,
        functools.partial(np.power, 2.0),
        np.vectorize(lambda x: x + 1),
        lambda x: x.tolist(),
    ):
        assert NORMAL.apply(function).sample(3).shape == (3, 1)


def test_stacks_join_coordinates_in_order():
    stack = ConstantSampler(1) & PLANE & ConstantSampler([2, 3])
    points = points_of(stack, 30)
    assert stack.dim == 5
    assert points[:, [0, 3, 4]].tolist() == [[1, 2, 3]] * 30
    assert (NORMAL & (UNIFORM & PLANE)) == ((NORMAL & UNIFORM) & PLANE)


def test_coordinates_of_a_stack_are_independent():
    points = points_of(NORMAL & NORMAL & UNIFORM & (NORMAL | UNIFORM))
    assert np.abs(np.corrcoef(points.T)[np.triu_indices(4, 1)]).max() < 4 / N_POINTS**0.5
    for number, cdf in enumerate([stats.norm.cdf, stats.norm.cdf, stats.uniform.cdf]):
        assert stats.kstest(points[:, number], cdf).pvalue > LEAST


def test_constants():
    assert ConstantSampler(3).sample(2).tolist() == [[3], [3]]
    assert ConstantSampler([1, 2]).sample(1).tolist() == [[1, 2]]
    assert ConstantSampler(3, dim=2).sample(1).tolist() == [[3, 3]]
    for value in (3, 2.5, "auto", None, True, 2**70, {"a": 1}):
        drawn = ConstantSampler(value).draw_one(make_rng(1))
        assert (drawn, type(drawn)) == (value, type(value))


def test_constants_of_several_kinds_stay_what_they_are():
    for values in [(1, "a", None), (1, "a"), (1.5, "a"), ("a", True)]:
        assert ConstantSampler(values).draw_one(make_rng(1)) == values


def test_a_constant_is_its_own():
    given = {"a": 1}
    sampler = ConstantSampler(given)
    given["a"] = 2
    assert sampler.draw_one(make_rng(1)) == {"a": 1}
    values = np.array([1, 2])
    sampler = ConstantSampler(values)
    values[0] = 7
    assert sampler.sample(1).tolist() == [[1, 2]]


def test_operators_leave_their_operands_and_their_streams_alone():
    whole = NumpySampler("n", seed=5).sample(6)
    a, b = NumpySampler("n", seed=5), NumpySampler("u", seed=6)
    first = a.sample(2)
    before = repr(a), repr(b), a.weight, b.weight
    made = [a | b, a & b, a + b, 0.3 & a, a.apply(np.exp), a.truncate(high=1), 2**a, (0.5 & a) | b]
    for sampler in made:
        sampler.sample(3)
    assert (repr(a), repr(b), a.weight, b.weight) == before
    np.testing.assert_array_equal(np.concatenate([first, a.sample(4)]), whole)


def test_an_array_that_changes_later_changes_no_sampler():
    shift = np.array([1.0, 2.0])
    sampler = PLANE + shift
    before = points_of(sampler, 3)
    shift[0] = 100
    np.testing.assert_array_equal(points_of(sampler, 3), before)


class Own(Sampler):
    """What it draws it keeps to itself."""

    def __init__(self, value, seed=None):
        super().__init__(seed=seed)
        self._value = value

    @property
    def content(self):
        return (self._value,)

    def draw(self, rng, size):
        return np.full((size, 1), self._value)


def test_a_sampler_of_one_s_own_may_have_private_attributes():
    assert Own(5).sample(1).tolist() == [[5]]
    assert (0.3 & Own(5)).sample(1).tolist() == [[5]]
    assert (Own(5) + 1).sample(1).tolist() == [[6]]
    assert Domain(i=[1], x=Own(5))[0]["x"] == 5


@pytest.mark.parametrize(
    "sampler",
    [
        NORMAL | UNIFORM,
        PLANE & UNIFORM,
        PLANE + PAIR,
        PLANE.apply(lambda points: points.max(axis=1)),
        PLANE.truncate(high=1),
        PLANE.truncate(high=1, expr=lambda points: points.sum(axis=1)),
        ConstantSampler([1, 2, 3]),
        ConstantSampler("a"),
        HistoSampler(edges=[[0, 1], [0, 1, 2]]),
        (0.3 & NORMAL | 0.7 & UNIFORM) ** 2 & PLANE,
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_samples_of_few_points_have_their_shape(sampler):
    for size in (0, 1, 2, np.int64(3)):
        assert sampler.sample(size).shape == (size, sampler.dim)
