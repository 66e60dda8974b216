"""Truncation: what is kept follows the conditional law; where nothing is kept, an error ends the search."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

from research import Domain
from samplers import ConstantSampler, NumpySampler, make_rng

N_POINTS = 10_000
LEAST = 1e-3
NORMAL = NumpySampler("n", seed=1)
PLANE = NumpySampler("n", seed=1, dim=2)


def points_of(sampler, size=N_POINTS, seed=1):
    return sampler.draw(make_rng(seed), size)


def first(points):
    return points[:, 0]


def squared_radius(points):
    return (points**2).sum(axis=1)


TRUNCATED = {
    "above": (NORMAL.truncate(high=0.5), stats.truncnorm(-np.inf, 0.5)),
    "below": (NORMAL.truncate(low=-0.5), stats.truncnorm(-0.5, np.inf)),
    "both": (NORMAL.truncate(1, -2), stats.truncnorm(-2, 1)),
    "a tail": (NORMAL.truncate(low=2.5), stats.truncnorm(2.5, np.inf)),
    "a sliver": (NORMAL.truncate(high=0.01, low=0), stats.uniform(0, 0.01)),
    "guessed too high": (NORMAL.truncate(low=1, prob=1), stats.truncnorm(1, np.inf)),
    "guessed too low": (NORMAL.truncate(low=-1, prob=0.001), stats.truncnorm(-1, np.inf)),
    "batches limited": (NORMAL.truncate(low=0, prob=0.4, max_iters=50), stats.truncnorm(0, np.inf)),
    "twice": (NORMAL.truncate(high=1).truncate(low=-1), stats.truncnorm(-1, 1)),
    "bounds of numpy": (NORMAL.truncate(np.float64(1), np.int64(-1)), stats.truncnorm(-1, 1)),
    "infinite bound": (NORMAL.truncate(high=1, low=-np.inf), stats.truncnorm(-np.inf, 1)),
    "bounds in lists": (NORMAL.truncate(high=[1], low=[-1]), stats.truncnorm(-1, 1)),
    "expression alone": (NORMAL.truncate(expr=lambda x: first(x) > 0.5), stats.truncnorm(0.5, np.inf)),
    "expression of one column": (NORMAL.truncate(expr=lambda x: x > 0.5), stats.truncnorm(0.5, np.inf)),
    "expression and bounds": (NORMAL.truncate(expr=lambda x: x + 1, high=2, low=0), stats.truncnorm(-1, 1)),
    "expression, one bound": (NORMAL.truncate(expr=np.exp, low=1), stats.truncnorm(0, np.inf)),
    "of a mixture": (
        (NORMAL | NumpySampler("n", loc=100)).truncate(high=1),
        stats.truncnorm(-np.inf, 1),
    ),
    "scaled after": (2 * NORMAL.truncate(high=1, low=-1), stats.truncnorm(-1, 1, scale=2)),
    "scaled before": ((2 * NORMAL).truncate(high=1, low=-1), stats.truncnorm(-0.5, 0.5, scale=2)),
}


@pytest.mark.parametrize("name", TRUNCATED)
def test_what_is_kept_follows_the_conditional_law(name):
    sampler, law = TRUNCATED[name]
    points = points_of(sampler)
    low, high = law.support()
    assert low <= points.min() <= points.max() <= high
    assert stats.kstest(points[:, 0], law.cdf).pvalue > LEAST


@pytest.mark.parametrize("name", ["both", "a tail", "expression and bounds"])
def test_points_one_by_one_follow_the_same_law(name):
    sampler, law = TRUNCATED[name]
    values = [config["x"] for config in Domain(i=range(2000), x=sampler)]
    assert all(type(value) is float for value in values)
    assert stats.kstest(values, law.cdf).pvalue > LEAST


def test_what_is_kept_is_independent_of_its_place():
    points = points_of(NORMAL.truncate(low=0))[:, 0]
    assert abs(np.corrcoef(points[1:], points[:-1])[0, 1]) < 4 / N_POINTS**0.5
    halves = points[: N_POINTS // 2], points[N_POINTS // 2 :]
    assert stats.ks_2samp(*halves).pvalue > LEAST


def test_points_of_a_disc():
    points = points_of(PLANE.truncate(high=1, expr=squared_radius))
    assert squared_radius(points).max() <= 1
    assert stats.kstest(squared_radius(points), stats.truncexpon(0.5, scale=2).cdf).pvalue > LEAST
    angles = np.arctan2(points[:, 1], points[:, 0])
    assert stats.kstest(angles, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > LEAST


def test_points_of_a_ring():
    points = points_of(PLANE.truncate(high=2, low=1, expr=squared_radius))
    assert stats.kstest(squared_radius(points) - 1, stats.truncexpon(0.5, scale=2).cdf).pvalue > LEAST


def test_bounds_hold_for_every_coordinate():
    points = points_of(PLANE.truncate(high=1, low=-1), seed=2)
    for number in range(2):
        assert stats.kstest(points[:, number], stats.truncnorm(-1, 1).cdf).pvalue > LEAST
    assert abs(np.corrcoef(points.T)[0, 1]) < 4 / N_POINTS**0.5


def test_each_coordinate_may_have_its_own_bounds():
    points = points_of(PLANE.truncate(high=[1, 3], low=[-1, 2]))
    assert stats.kstest(points[:, 0], stats.truncnorm(-1, 1).cdf).pvalue > LEAST
    assert stats.kstest(points[:, 1], stats.truncnorm(2, 3).cdf).pvalue > LEAST


def test_bounds_are_kept_and_may_coincide():
    assert ConstantSampler(1).truncate(high=1, low=1).sample(3).tolist() == [[1]] * 3
    assert ConstantSampler("a").truncate(expr=lambda x: x == "a").sample(2).tolist() == [["a"]] * 2


def test_integers_stay_integers():
    sampler = NumpySampler("integers", seed=1, low=-10, high=11).truncate(high=5, low=1)
    assert points_of(sampler).dtype.kind == "i"
    observed = np.bincount(points_of(sampler)[:, 0])[1:]
    assert stats.chisquare(observed).pvalue > LEAST


@pytest.mark.parametrize("size", [0, 1, 7, 1000])
def test_a_sample_has_its_size(size):
    for sampler in (
        NORMAL.truncate(low=2),
        PLANE.truncate(high=0, prob=1),
        NORMAL.truncate(expr=lambda x: x > 1),
    ):
        assert sampler.sample(size).shape == (size, sampler.dim)


def test_a_seed_repeats_a_truncated_sample():
    np.testing.assert_array_equal(NORMAL.truncate(low=1).sample(100), NORMAL.truncate(low=1).sample(100))
    again = NumpySampler("n", seed=2).truncate(low=1)
    assert not np.array_equal(NORMAL.truncate(low=1).sample(100), again.sample(100))


def test_arrays_of_bounds_that_change_later_change_nothing():
    high = np.array([1.0, 1.0])
    sampler = PLANE.truncate(high=high)
    high[0] = -5
    assert points_of(sampler, 500)[:, 0].max() > 0


@pytest.mark.parametrize(
    "arguments",
    [
        {"high": -50},
        {"low": 50, "prob": 1},
        {"high": 0.5, "low": 0.5},
        {"expr": lambda x: np.zeros(len(x), dtype=bool)},
        {"expr": lambda x: x * 0, "low": 1},
    ],
    ids=["high", "low", "one point", "expression", "expression and bound"],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_where_nothing_is_kept_an_error_ends_the_search(arguments, size):
    sampler = NORMAL.truncate(**arguments)
    with pytest.raises(ValueError, match=r"none of .* points in a row is within the bounds") as caught:
        sampler.sample(size)
    assert any("truncate(" in note for note in caught.value.__notes__)


def test_where_nothing_is_kept_a_domain_says_so():
    with pytest.raises(ValueError, match="within the bounds"):
        Domain(i=[1], x=NORMAL.truncate(low=50))[0]


def test_too_few_batches_raise_and_say_how_many_points_are_missing():
    sampler = NORMAL.truncate(low=3, max_iters=1)
    with pytest.raises(ValueError, match=r"`max_iters`=1 batches \d+ of 100 points are missing"):
        sampler.sample(100)
    assert NORMAL.truncate(low=-9, max_iters=1).sample(100).shape == (100, 1)
    assert NORMAL.truncate(low=0, max_iters=30).sample(100).min() >= 0


def test_what_is_missing_is_filled_up_on_request():
    sampler = NORMAL.truncate(low=1, prob=1, max_iters=1, sample_anyways=True)
    with pytest.warns(UserWarning, match=r"\d+ of 1000 points are not within the bounds"):
        points = sampler.sample(1000)
    assert points.shape == (1000, 1)
    inside = (points >= 1).sum()
    assert stats.norm.sf(1) * 1000 < inside < 1000
    with pytest.warns(UserWarning, match="5 of 5 points"):
        assert NORMAL.truncate(low=50, max_iters=3, sample_anyways=True).sample(5).max() < 50


def test_nothing_is_said_where_all_points_are_within_the_bounds():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NORMAL.truncate(low=-1, max_iters=20, sample_anyways=True).sample(100)
        NORMAL.truncate(low=50, max_iters=1, sample_anyways=True).sample(0)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({}, ValueError, "at least one of `high`, `low` and `expr`"),
        ({"prob": 0.3}, ValueError, "at least one of `high`, `low` and `expr`"),
        ({"high": 1, "low": 2}, ValueError, "`low` <= `high` must hold, but got low=2, high=1"),
        ({"high": [1, 1], "low": [0, 2]}, ValueError, "`low` <= `high` must hold"),
        ({"high": "a"}, ValueError, "`high` must be a number or a list of numbers, got 'a'"),
        ({"low": [[1]]}, ValueError, "`low` must be a number or a list of numbers"),
        ({"low": 1j}, ValueError, "`low` must be"),
        ({"high": float("nan")}, ValueError, "`high`"),
        ({"low": [0, float("nan")]}, ValueError, "`low`"),
        ({"high": [1, 2, 3]}, ValueError, "`high`"),
        ({"high": [1, 2, 3], "low": [0, 0]}, ValueError, "`high`"),
        ({"high": 1, "prob": 0}, ValueError, "`prob` must be a number in .0, 1., got 0"),
        ({"high": 1, "prob": 1.5}, ValueError, "`prob` must be a number in .0, 1., got 1.5"),
        ({"high": 1, "prob": -0.1}, ValueError, "`prob`"),
        ({"high": 1, "prob": float("nan")}, ValueError, "`prob`.*nan"),
        ({"high": 1, "prob": True}, ValueError, "`prob`.*True"),
        ({"high": 1, "prob": "0.5"}, ValueError, "`prob`"),
        ({"high": 1, "max_iters": 0}, ValueError, "`max_iters` must be a positive int.*got 0"),
        ({"high": 1, "max_iters": -1}, ValueError, "`max_iters`"),
        ({"high": 1, "max_iters": 1.5}, ValueError, "`max_iters`"),
        ({"high": 1, "max_iters": True}, ValueError, "`max_iters`"),
        ({"expr": 5}, TypeError, "`expr` must be callable, got 5"),
    ],
    ids=lambda item: str(item) if isinstance(item, dict) else "",
)
def test_arguments_out_of_their_range_are_named(arguments, error, text):
    with pytest.raises(error, match=text):
        PLANE.truncate(**arguments)


def test_bounds_of_two_numbers_fit_no_single_coordinate():
    with pytest.raises(ValueError, match="`high`"):
        NORMAL.truncate(high=[1, 2])


def test_ints_of_numpy_are_ints():
    assert NORMAL.truncate(low=0, max_iters=np.int64(50)).sample(3).shape == (3, 1)


def test_a_very_small_guess_is_a_guess():
    assert NORMAL.truncate(low=0, prob=5e-324).sample(3).shape == (3, 1)


@pytest.mark.parametrize(
    "expr", [lambda x: 5, lambda x: x[:-1], lambda x: x.sum(axis=0)[:1]], ids=["5", "short", "axis"]
)
def test_an_expression_gives_a_value_for_each_point(expr):
    with pytest.raises(ValueError, match=r"`expr` .*must return \d+ values for \d+ points, got shape"):
        PLANE.truncate(expr=expr, high=1).sample(5)
