"""Quasi-random points: more even than random ones, continued by `sample`, and through domains."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import stats
from scipy.stats import qmc

from research import Domain
from samplers import (
    HaltonSampler,
    LatinHypercubeSampler,
    NumpySampler,
    ScipySampler,
    SobolSampler,
    make_rng,
)

SEQUENCES = [SobolSampler, HaltonSampler]
KINDS = [*SEQUENCES, LatinHypercubeSampler]
METHODS = ["sobol", "halton", "lhs"]
UNIT = {"x": (0, 1), "y": (0, 1)}


def random_discrepancy(n, dim, quantile=0.01):
    """Discrepancy that few sets of random points get below."""
    found = [qmc.discrepancy(NumpySampler("u", dim=dim, seed=seed).sample(n)) for seed in range(100)]
    return np.quantile(found, quantile)


def cube_of(domain, names="xy"):
    return np.array([[config[name] for name in names] for config in domain])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_points_lie_in_the_unit_cube(kind, dim):
    points = kind(dim=dim, seed=1).sample(100)
    assert points.shape == (100, dim)
    assert points.dtype == float
    assert 0 <= points.min() < points.max() < 1


@pytest.mark.parametrize("kind", SEQUENCES)
@pytest.mark.parametrize("n", [64, 100, 256])
def test_points_are_spread_more_evenly_than_random_ones(kind, n):
    best_of_random = random_discrepancy(n, 2)
    for seed in range(5):
        assert qmc.discrepancy(kind(dim=2, seed=seed).sample(n)) < best_of_random / 2
        assert qmc.discrepancy(kind(dim=2).draw(make_rng(seed), n)) < best_of_random / 2


@pytest.mark.parametrize("method", METHODS[:2])
def test_points_of_domains_are_spread_more_evenly_than_random_ones(method):
    points = cube_of(Domain.quasi(128, method, 3, **UNIT))
    best_of_random = random_discrepancy(128, 2)
    assert qmc.discrepancy(points) < best_of_random / 2
    drawn = cube_of(Domain(i=range(128), x=NumpySampler("u", seed=1), y=NumpySampler("u", seed=1)))
    assert qmc.discrepancy(drawn) > best_of_random


def test_boxes_of_a_sobol_sequence_have_one_point_each():
    points = SobolSampler(dim=2, seed=4).sample(64)
    for bins in [(64, 1), (1, 64), (8, 8), (16, 4), (2, 32)]:
        assert (np.histogram2d(*points.T, bins=bins, range=[[0, 1], [0, 1]])[0] == 1).all()


@pytest.mark.parametrize("n", [1, 7, 50])
def test_strata_of_a_latin_hypercube_have_one_point_each(n):
    for points in (
        LatinHypercubeSampler(dim=3, seed=1).sample(n),
        LatinHypercubeSampler(dim=3).draw(make_rng(1), n),
        cube_of(Domain.quasi(n, "lhs", 2, **UNIT, z=(0, 1)), "xyz"),
    ):
        assert np.sort((points * n).astype(int), axis=0).tolist() == [[i] * 3 for i in range(n)]


def test_each_sample_of_a_latin_hypercube_is_another():
    sampler = LatinHypercubeSampler(dim=2, seed=1)
    first, second = sampler.sample(20), sampler.sample(20)
    assert not np.array_equal(first, second)
    assert np.sort((second * 20).astype(int), axis=0).tolist() == [[i] * 2 for i in range(20)]


@pytest.mark.parametrize("kind", SEQUENCES)
def test_samples_go_on_where_the_last_one_stopped(kind):
    whole = kind(dim=2, seed=5).sample(100)
    sampler = kind(dim=2, seed=5)
    pieces = [sampler.sample(size) for size in (1, 0, 31, 64, 4)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_repeats_the_points_and_another_gives_others(kind):
    np.testing.assert_array_equal(kind(dim=2, seed=5).sample(20), kind(dim=2, seed=5).sample(20))
    assert not np.array_equal(kind(dim=2, seed=5).sample(20), kind(dim=2, seed=6).sample(20))
    assert not np.array_equal(kind(dim=2).sample(20), kind(dim=2).sample(20))
    np.testing.assert_array_equal(kind(2).draw(make_rng(1), 9), kind(2, seed=7).draw(make_rng(1), 9))


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_starts_afresh_and_drawing_leaves_the_sequence_alone(kind):
    whole = kind(dim=2, seed=5).sample(10)
    sampler = kind(dim=2, seed=5)
    sampler.draw(make_rng(1), 3)
    np.testing.assert_array_equal(sampler.sample(10), whole)
    again = pickle.loads(pickle.dumps(sampler))
    assert again == sampler == eval(repr(sampler))
    assert hash(again) == hash(sampler)
    np.testing.assert_array_equal(again.sample(10), whole)
    np.testing.assert_array_equal((0.3 & sampler).sample(10), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_dimensions_and_seeds_are_told_apart(kind):
    sampler = kind(dim=2, seed=1)
    others = [
        kind(dim=3, seed=1),
        kind(dim=2, seed=2),
        kind(dim=2),
        *(k(2, 1) for k in KINDS if k is not kind),
    ]
    assert all(other != sampler for other in others)


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_point_is_anywhere(kind):
    rng = make_rng(1)
    points = [kind().draw_one(rng) for _ in range(300)]
    assert all(type(point) is float for point in points)
    assert stats.kstest(points, stats.uniform.cdf).pvalue > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_one_parameter_s_values_are_not_quasi_random(kind):
    for sampler in (kind(), 2 * kind(), kind() | NumpySampler("u"), kind().apply(np.exp), 0.3 & kind()):
        with pytest.raises(TypeError, match=r"Domain\.quasi") as caught:
            Domain(i=[1, 2], lr=sampler)
        assert "lr" in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [0, -1, 1.5, True, "2", None], ids=repr)
def test_a_dimension_is_a_positive_int(kind, dim):
    with pytest.raises(ValueError, match="`dim` must be a positive int, got"):
        kind(dim=dim)


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_depends_on_the_state_of_the_generator_alone(kind):
    rng = make_rng(1)
    state = rng.bit_generator.state
    first = kind(dim=2).draw(rng, 8)
    assert not np.array_equal(kind(dim=2).draw(rng, 8), first)
    rng.bit_generator.state = state
    np.testing.assert_array_equal(kind(dim=2).draw(rng, 8), first)


@pytest.mark.parametrize("kind", KINDS)
def test_any_generator_will_do(kind):
    for bits in (np.random.Philox(key=3), np.random.PCG64(3), np.random.MT19937(3)):
        assert kind(dim=2).draw(np.random.Generator(bits), 4).shape == (4, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_points_can_be_transformed_stacked_mixed_and_truncated(kind):
    square = kind(dim=2, seed=1)
    assert square.apply(lambda points: points.max(axis=1)).sample(16).shape == (16, 1)
    assert (square & kind(seed=2)).sample(16).shape == (16, 3)
    assert (square | NumpySampler("u", dim=2)).sample(16).shape == (16, 2)
    assert square.truncate(high=0.5).sample(16).max() <= 0.5
    np.testing.assert_array_equal((square + 1).sample(16), (kind(dim=2, seed=1) + 1).sample(16))


def test_points_can_be_stretched():
    points = (10 ** (4 * SobolSampler(dim=2, seed=1) - 5)).sample(64)
    assert 1e-5 <= points.min() < points.max() <= 0.1
    counts = np.histogram(np.log10(points[:, 0]), bins=8, range=(-5, -1))[0]
    assert counts.tolist() == [8] * 8


# domains


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "sampler",
    [
        ScipySampler("norm", loc=2, scale=3),
        ScipySampler("loguniform", a=1e-5, b=1e-1),
        ScipySampler("gamma", a=2),
        ScipySampler("truncnorm", a=-1, b=2),
    ],
    ids=lambda sampler: sampler.name,
)
def test_points_follow_the_distribution_that_they_are_put_through(method, sampler):
    n = 256
    points = cube_of(Domain.quasi(n, method, 1, x=sampler, y=(0, 1)))
    statistic = stats.kstest(points[:, 0], sampler.distribution.cdf).statistic
    assert statistic < (2.5 / n if method != "halton" else 8 / n)
    assert np.isfinite(points).all()


def test_discrete_distributions_give_ints_by_their_probabilities():
    values = [
        config["x"] for config in Domain.quasi(256, "sobol", 1, x=ScipySampler("randint", low=0, high=4))
    ]
    assert all(type(value) is int for value in values)
    assert np.bincount(values).tolist() == [64] * 4
    values = [config["x"] for config in Domain.quasi(512, "sobol", 1, x=ScipySampler("poisson", mu=2))]
    expected = stats.poisson(2).pmf(np.arange(6)) * 512
    assert np.abs(np.bincount(values)[:6] - expected).max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_bounds_are_kept(method):
    values = [config["x"] for config in Domain.quasi(100, method, 1, x=(-3, 5))]
    assert all(type(value) is float for value in values)
    assert -3 <= min(values) < -2.5
    assert 4.5 < max(values) < 5


@pytest.mark.parametrize("method", METHODS[:2])
def test_first_points_stay_the_same_as_their_number_grows(method):
    bounds = {"x": (0, 1), "y": ScipySampler("norm")}
    few, many = (list(Domain.quasi(n, method, 7, **bounds)) for n in (10, 133))
    assert many[:10] == few
    assert {config.hash() for config in few} < {config.hash() for config in many}


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_makes_the_points(method):
    one, two = (Domain.quasi(20, method, 7, **UNIT) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert list(one) == list(two) == list(pickle.loads(pickle.dumps(one)))
    other = Domain.quasi(20, method, 8, **UNIT)
    assert one != other
    assert not set(one) & set(other)
    one.set_iter_params(seed=5)
    assert list(one) == list(two)


def test_methods_differ():
    points = [tuple(Domain.quasi(20, method, 7, **UNIT)) for method in METHODS]
    assert len(set(points)) == 3


def test_points_combine_with_other_parameters():
    domain = Domain(model=["svm", "tree"]) * Domain.quasi(16, "sobol", 1, **UNIT)
    configs = list(domain)
    assert len(configs) == len(domain) == 32
    np.testing.assert_array_equal(cube_of(configs[:16]), cube_of(configs[16:]))
    for number in (0, 15, 31):
        assert domain.index(domain[number]) == number


@pytest.mark.parametrize(
    "low_high", [(np.int64(0), np.int64(2)), (np.float32(0), np.float64(2)), [0, 2]], ids=str
)
def test_bounds_may_be_numbers_of_numpy(low_high):
    assert list(Domain.quasi(8, "sobol", 1, x=low_high)) == list(Domain.quasi(8, "sobol", 1, x=(0, 2)))


@pytest.mark.parametrize(
    ("arguments", "bounds", "text"),
    [
        ((0,), UNIT, "`n` must be a positive int, got 0"),
        ((-1,), UNIT, "`n` must be a positive int"),
        ((1.5,), UNIT, "`n` must be a positive int"),
        ((True,), UNIT, "`n` must be a positive int"),
        ((8, "sobool"), UNIT, "`method` must be one of 'sobol', 'halton', 'lhs', got 'sobool'"),
        ((8, None), UNIT, "`method` must be one of"),
        ((8, "sobol", -1), UNIT, "`seed` must not be negative"),
        ((8,), {}, "at least one parameter"),
        ((8,), {"x": (1, 1)}, "'x'.*low < high"),
        ((8,), {"x": (2, 1)}, "'x'.*low < high"),
        ((8,), {"x": (0, np.inf)}, "'x' takes bounds"),
        ((8,), {"x": (0, np.nan)}, "'x' takes bounds"),
        ((8,), {"x": (0, 1, 2)}, "'x' takes bounds"),
        ((8,), {"x": "ab"}, "'x' takes bounds"),
        ((8,), {"x": ("a", "b")}, "'x' takes bounds"),
        ((8,), {"x": 5}, "'x' takes bounds"),
        ((8,), {"x": NumpySampler("n")}, "'x' takes bounds"),
        ((8,), {"x": ScipySampler("norm") + 1}, "'x' takes bounds"),
        ((8,), {"x": ScipySampler("norm", dim=2)}, "'x' takes a distribution of one dimension"),
        (
            (8,),
            {"x": ScipySampler("multivariate_normal", mean=[0])},
            "'x' takes a distribution of one dimension",
        ),
    ],
    ids=str,
)
def test_what_gives_no_points_is_refused(arguments, bounds, text):
    with pytest.raises(ValueError, match=text):
        Domain.quasi(*arguments, **bounds)
