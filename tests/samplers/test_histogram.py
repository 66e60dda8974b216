"""Histograms as samplers: bins by counts, points evenly within, axes, updates, and what a domain keeps."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from scipy import stats

from research import Domain
from samplers import ConstantSampler, HistoSampler, NumpySampler, make_rng

N_POINTS = 10_000
LEAST = 1e-3
EDGES = [0.0, 1.0, 2.0, 4.0, 8.0]
COUNTS = [10, 0, 30, 60]


def points_of(sampler, size=N_POINTS, seed=1):
    return sampler.draw(make_rng(seed), size)


def frequencies(sampler, points):
    return np.histogramdd(points, bins=sampler.edges)[0]


def p_of_bins(sampler, points):
    shown = sampler.counts.ravel() > 0
    observed = frequencies(sampler, points).ravel()
    assert observed[~shown].sum() == 0
    expected = sampler.counts.ravel()[shown] / sampler.counts.sum() * len(points)
    return stats.chisquare(observed[shown], expected).pvalue if shown.sum() > 1 else 1


@pytest.mark.parametrize(
    "sampler",
    [
        HistoSampler((COUNTS, EDGES)),
        HistoSampler((COUNTS, [EDGES])),
        HistoSampler((np.array(COUNTS) / 100, EDGES)),
        HistoSampler(([0, 0, 5, 0, 3, 0], range(7))),
        HistoSampler(([1e-9, 2e-9], [-1, 0, 1])),
        HistoSampler(([7], [2, 3])),
    ],
    ids=["list", "list of axes", "floats", "zeros around", "small", "one bin"],
)
def test_bins_come_by_their_counts_and_empty_ones_never(sampler):
    points = points_of(sampler)
    assert points.shape == (N_POINTS, 1)
    assert p_of_bins(sampler, points) > LEAST


def test_points_lie_evenly_within_their_bin():
    points = points_of(HistoSampler((COUNTS, EDGES)))[:, 0]
    for left, right in [(0, 1), (2, 4), (4, 8)]:
        inside = points[(points >= left) & (points < right)]
        assert stats.kstest(inside, stats.uniform(left, right - left).cdf).pvalue > LEAST


@pytest.mark.parametrize("bins", [10, [-3, -1, 0, 0.5, 4]], ids=["equal", "unequal"])
def test_what_numpy_s_histogram_returns_can_be_drawn_from(bins):
    data = make_rng(5).normal(size=5000)
    counts, edges = np.histogram(data, bins=bins)
    sampler = HistoSampler((counts, edges))
    assert sampler.dim == 1
    assert p_of_bins(sampler, points_of(sampler)) > LEAST
    assert HistoSampler(np.histogram(data, bins=bins)) == sampler


def test_what_numpy_s_histogramdd_returns_can_be_drawn_from():
    data = make_rng(5).multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], size=5000)
    sampler = HistoSampler(np.histogramdd(data, bins=(6, 4)))
    points = points_of(sampler)
    assert points.shape == (N_POINTS, 2)
    assert p_of_bins(sampler, points) > LEAST
    assert np.corrcoef(points.T)[0, 1] > 0.6


def test_axes_are_told_apart():
    counts = np.zeros((2, 3))
    counts[1, 2], counts[0, 1] = 3, 1
    sampler = HistoSampler((counts, [[0, 1, 2], [10, 20, 30, 40]]))
    points = points_of(sampler, 2000)
    upper = points[:, 0] >= 1
    assert (points[upper, 1] >= 30).all()
    assert ((points[~upper, 1] >= 20) & (points[~upper, 1] < 30)).all()
    assert 0.7 < upper.mean() < 0.8


def test_three_axes():
    counts = make_rng(1).integers(0, 4, size=(2, 3, 4))
    sampler = HistoSampler((counts, [np.arange(n + 1) for n in counts.shape]))
    assert p_of_bins(sampler, points_of(sampler)) > LEAST


def test_coordinates_within_a_bin_are_independent():
    points = points_of(HistoSampler(edges=[[0, 1], [0, 1]]))
    assert abs(np.corrcoef(points.T)[0, 1]) < 4 / N_POINTS**0.5
    counts = np.histogram2d(*points.T, bins=5, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(counts.ravel()).pvalue > LEAST


def test_without_counts_all_bins_are_equally_probable():
    sampler = HistoSampler(edges=EDGES)
    observed = frequencies(sampler, points_of(sampler))
    assert stats.chisquare(observed).pvalue > LEAST


def test_updates_add_up():
    sampler = HistoSampler(edges=EDGES)
    sampler.update([0.5] * 3)
    sampler.update([[0.5], [5], [8.0]])
    sampler.update([])
    assert sampler.counts.tolist() == [4, 0, 0, 2]
    assert p_of_bins(sampler, points_of(sampler)) > LEAST
    assert sampler == HistoSampler(([4, 0, 0, 2], EDGES))


def test_points_outside_of_the_edges_are_left_out():
    sampler = HistoSampler(edges=[[0, 1], [0, 1, 2]])
    sampler.update([[0.5, 0.5], [-1, 0.5], [0.5, 3], [np.nan, 0.5], [np.inf, 1]])
    assert sampler.counts.tolist() == [[1, 0]]


def test_updates_touch_neither_the_arguments_nor_copies():
    counts, edges = np.array(COUNTS), np.array(EDGES)
    sampler = HistoSampler((counts, edges))
    copies = [copy.copy(sampler), pickle.loads(pickle.dumps(sampler)), copy.deepcopy(sampler), 0.3 & sampler]
    sampler.update([0.5])
    assert counts.tolist() == COUNTS
    assert all(made.counts.tolist() == COUNTS for made in copies)
    edges[0] = counts[0] = 100
    assert (sampler.edges[0][0], sampler.counts[0]) == (0, 11)


def test_an_update_changes_what_comes_next():
    sampler = HistoSampler(edges=[0, 1, 2], seed=1)
    assert sampler.sample(200).max() > 1
    sampler.update([0.5])
    assert sampler.sample(200).max() < 1


@pytest.mark.parametrize(
    "make",
    [
        lambda h: h,
        lambda h: 0.3 & h,
        lambda h: h + 1,
        lambda h: 2 * (h + 1),
        lambda h: h | ConstantSampler(0.5),
        lambda h: h & h,
        lambda h: h.apply(np.square),
        lambda h: h.truncate(high=1.9),
    ],
    ids=["alone", "weighted", "sum", "sum of sum", "mixture", "stack", "applied", "truncated"],
)
@pytest.mark.parametrize("is_walked_before", [False, True], ids=["made", "walked"])
def test_a_domain_keeps_the_counts_that_there_were_when_it_was_made(make, is_walked_before):
    sampler = HistoSampler(edges=[0, 1, 2], seed=1)
    expected = list(Domain(i=range(20), x=make(sampler)))
    domain = Domain(i=range(20), x=make(sampler))
    if is_walked_before:
        assert list(domain) == expected
    sampler.update([0.5] * 10)
    assert list(domain) == expected
    assert list(Domain(i=range(20), x=make(sampler))) != expected


def test_draws_config_by_config_follow_the_counts():
    sampler = HistoSampler((COUNTS, EDGES), seed=1)
    values = np.array([config["x"] for config in Domain(i=range(5000), x=sampler)])
    assert p_of_bins(sampler, values.reshape(-1, 1)) > LEAST


def test_points_can_be_reweighted_by_what_was_good():
    good = HistoSampler(edges=[np.linspace(-3, 3, 13)] * 2, seed=1)
    points = NumpySampler("n", dim=2, seed=2).sample(5000)
    good.update(points[points.sum(axis=1) > 0])
    assert (points_of(good).sum(axis=1) > 0).mean() > 0.9


def test_a_histogram_is_a_value():
    one, two = HistoSampler((COUNTS, EDGES), seed=1), HistoSampler((COUNTS, EDGES), seed=1)
    assert one == two == eval(repr(one), {"HistoSampler": HistoSampler})
    assert hash(one) == hash(two)
    np.testing.assert_array_equal(one.sample(20), two.sample(20))
    assert one != HistoSampler((COUNTS, EDGES), seed=2)
    assert one != HistoSampler((COUNTS, [0, 1, 2, 4, 9]), seed=1)
    two.update([0.5])
    assert one != two


@pytest.mark.parametrize("size", [0, 1, 5])
def test_samples_have_their_shape(size):
    assert HistoSampler(edges=EDGES).sample(size).shape == (size, 1)
    assert HistoSampler(edges=[[0, 1], [0, 1, 2]]).sample(size).shape == (size, 2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "either `histo` or `edges`"),
        ({"histo": ([1], [0, 1]), "edges": [0, 1]}, "either `histo` or `edges`"),
        ({"histo": ([1, 2], [0, 1])}, "do not fit"),
        ({"histo": ([[1, 2]], [0, 1, 2])}, "do not fit"),
        ({"histo": ([-1, 2], [0, 1, 2])}, "must be finite and not negative"),
        ({"histo": ([np.nan, 2], [0, 1, 2])}, "must be finite and not negative"),
        ({"histo": ([np.inf, 2], [0, 1, 2])}, "must be finite and not negative"),
        ({"edges": [0]}, "edges of bins"),
        ({"edges": [0, 0, 1]}, "edges of bins"),
        ({"edges": [1, 0]}, "edges of bins"),
        ({"edges": [0, np.nan]}, "edges of bins"),
        ({"edges": [0, np.inf]}, "edges of bins"),
        ({"edges": [[0, 1], [1, 0]]}, "edges of bins"),
        ({"edges": [[0, 1], [1]]}, "edges of bins"),
        ({"edges": []}, "edges"),
        ({"edges": [[]]}, "edges"),
        ({"edges": 5}, "edges"),
        ({"histo": 5}, "histo"),
        ({"histo": ([1], [0, 1], [0, 1])}, "histo"),
    ],
    ids=str,
)
def test_what_is_no_histogram_is_refused(arguments, text):
    with pytest.raises((ValueError, TypeError), match=text):
        HistoSampler(**arguments)


@pytest.mark.parametrize("points", [[[1, 2]], 5, [[[1]]]], ids=str)
def test_points_of_another_dimension_are_refused(points):
    with pytest.raises(ValueError, match=r"`points` must have the shape \(n, 1\), got \("):
        HistoSampler(edges=EDGES).update(points)
    with pytest.raises(ValueError, match=r"`points` must have the shape \(n, 3\), got \("):
        HistoSampler(edges=[EDGES] * 3).update(points)
