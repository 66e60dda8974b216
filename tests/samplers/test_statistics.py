"""What is drawn follows its law: in samples, through domains, and one config beside the other."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from scipy import stats

from research import Domain
from samplers import ConstantSampler, HistoSampler, NumpySampler, ScipySampler, make_rng

N_POINTS = 10_000
N_CONFIGS = 4000
LEAST = 1e-3  # all seeds are fixed: what passes once passes always

CONTINUOUS = {
    "normal": (NumpySampler("n", seed=1, loc=2, scale=3), stats.norm(2, 3)),
    "uniform": (NumpySampler("u", seed=1, low=-1, high=4), stats.uniform(-1, 5)),
    "exponential": (NumpySampler("e", seed=1, scale=2), stats.expon(scale=2)),
    "gamma": (NumpySampler("g", seed=1, shape=2.5, scale=2), stats.gamma(2.5, scale=2)),
    "beta": (NumpySampler("be", seed=1, a=0.5, b=3), stats.beta(0.5, 3)),
    "lognormal": (NumpySampler("ln", seed=1, mean=1, sigma=0.5), stats.lognorm(0.5, scale=np.e)),
    "weibull": (NumpySampler("w", seed=1, a=1.5), stats.weibull_min(1.5)),
    "chisquare": (NumpySampler("chi2", seed=1, df=3), stats.chi2(3)),
    "f": (NumpySampler("f", seed=1, dfnum=4, dfden=7), stats.f(4, 7)),
    "student": (NumpySampler("standard_t", seed=1, df=3), stats.t(3)),
    "laplace": (NumpySampler("laplace", seed=1, loc=1, scale=2), stats.laplace(1, 2)),
    "triangular": (NumpySampler("triangular", seed=1, left=0, mode=1, right=4), stats.triang(0.25, 0, 4)),
    "scipy normal": (ScipySampler("n", seed=1, loc=2, scale=3), stats.norm(2, 3)),
    "scipy exponential": (ScipySampler("e", seed=1, scale=2), stats.expon(scale=2)),
    "scipy beta": (ScipySampler("be", seed=1, a=0.5, b=3), stats.beta(0.5, 3)),
    "scipy lognormal": (ScipySampler("ln", seed=1, s=0.5, scale=np.e), stats.lognorm(0.5, scale=np.e)),
    "scipy weibull": (ScipySampler("w", seed=1, c=1.5), stats.weibull_min(1.5)),
    "scipy chisquare": (ScipySampler("chi2", seed=1, df=3), stats.chi2(3)),
    "scipy f": (ScipySampler("f", seed=1, dfn=4, dfd=7), stats.f(4, 7)),
    "scipy loguniform": (ScipySampler("loguniform", seed=1, a=1e-5, b=1), stats.loguniform(1e-5, 1)),
    "scipy truncnorm": (ScipySampler("truncnorm", seed=1, a=-1, b=2), stats.truncnorm(-1, 2)),
}
DISCRETE = {
    "poisson": (NumpySampler("p", seed=1, lam=3), stats.poisson(3)),
    "binomial": (NumpySampler("b", seed=1, n=10, p=0.3), stats.binom(10, 0.3)),
    "geometric": (NumpySampler("geometric", seed=1, p=0.3), stats.geom(0.3)),
    "integers": (NumpySampler("integers", seed=1, low=-2, high=7), stats.randint(-2, 7)),
    "scipy poisson": (ScipySampler("p", seed=1, mu=3), stats.poisson(3)),
    "scipy binomial": (ScipySampler("b", seed=1, n=10, p=0.3), stats.binom(10, 0.3)),
    "scipy randint": (ScipySampler("randint", seed=1, low=-2, high=7), stats.randint(-2, 7)),
}


def p_continuous(values, law):
    return stats.kstest(np.asarray(values), law.cdf).pvalue


def p_discrete(values, law):
    """Compare frequencies by chi-square; what is rare is counted together, at both ends."""
    values = np.asarray(values)
    common = [k for k in range(-20, 100) if law.pmf(k) * len(values) >= 10]
    low, high = common[0], common[-1]
    observed = [(values == k).sum() for k in range(low, high + 1)]
    expected = law.pmf(np.arange(low, high + 1)) * len(values)
    observed = [*observed, (values < low).sum() + (values > high).sum()]
    rest = max(len(values) - expected.sum(), 0)
    expected = [*expected, rest]
    if rest < 5:
        expected = [*expected[:-2], expected[-2] + rest]
        observed = [*observed[:-2], observed[-2] + observed[-1]]
    return stats.chisquare(observed, expected).pvalue


def drawn_by_config(sampler, n=N_CONFIGS, seed=None):
    return [config["x"] for config in Domain(i=range(n), x=sampler).set_iter_params(seed=seed)]


@pytest.mark.parametrize("name", CONTINUOUS)
def test_samples_follow_their_distribution_function(name):
    sampler, law = CONTINUOUS[name]
    assert p_continuous(sampler.draw(make_rng(1), N_POINTS)[:, 0], law) > LEAST


@pytest.mark.parametrize("name", DISCRETE)
def test_samples_have_the_frequencies_of_their_law(name):
    sampler, law = DISCRETE[name]
    points = sampler.draw(make_rng(2), N_POINTS)
    assert points.dtype.kind == "i"
    assert p_discrete(points[:, 0], law) > LEAST


@pytest.mark.parametrize("name", CONTINUOUS)
def test_draws_config_by_config_follow_the_distribution_function(name):
    sampler, law = CONTINUOUS[name]
    values = drawn_by_config(sampler, N_CONFIGS if isinstance(sampler, NumpySampler) else 1000)
    assert all(type(value) is float for value in values)
    assert p_continuous(values, law) > LEAST


@pytest.mark.parametrize("name", DISCRETE)
def test_draws_config_by_config_have_the_frequencies_of_the_law(name):
    sampler, law = DISCRETE[name]
    values = drawn_by_config(sampler, N_CONFIGS if isinstance(sampler, NumpySampler) else 1000)
    assert all(type(value) is int for value in values)
    assert p_discrete(values, law) > LEAST


@pytest.mark.parametrize("way", ["sample", "configs"])
def test_choices_come_with_their_probabilities(way):
    sampler = NumpySampler("choice", seed=1, a=["x", "y", "z"], p=[0.1, 0.2, 0.7])
    values = sampler.sample(N_POINTS)[:, 0].tolist() if way == "sample" else drawn_by_config(sampler)
    observed = [values.count(value) for value in "xyz"]
    assert sum(observed) == len(values)
    assert stats.chisquare(observed, np.array([0.1, 0.2, 0.7]) * len(values)).pvalue > LEAST


MIX = 0.3 & NumpySampler("n", seed=1, loc=-3) | 0.7 & NumpySampler("n", loc=3, scale=0.5)
COMPOSED = {
    "mixture": (MIX, lambda x: 0.3 * stats.norm.cdf(x, -3) + 0.7 * stats.norm.cdf(x, 3, 0.5)),
    "sum": (NumpySampler("n", seed=1) + NumpySampler("n", loc=1), stats.norm(1, 2**0.5).cdf),
    "shifted": (3 * NumpySampler("n", seed=1) - 2, stats.norm(-2, 3).cdf),
    "truncated": (NumpySampler("n", seed=1).truncate(high=2, low=-1), stats.truncnorm(-1, 2).cdf),
    "histogram": (HistoSampler(([1, 1, 1, 1], [0, 1, 2, 3, 4]), seed=1), stats.uniform(0, 4).cdf),
    "power": (10 ** NumpySampler("u", seed=1, low=-5, high=0), stats.loguniform(1e-5, 1).cdf),
    "applied": (NumpySampler("u", seed=1).apply(np.square), stats.beta(0.5, 1).cdf),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_composites_have_one_law_in_samples_and_config_by_config(name):
    sampler, cdf = COMPOSED[name]
    assert stats.kstest(sampler.draw(make_rng(3), N_POINTS)[:, 0], cdf).pvalue > LEAST
    assert stats.kstest(drawn_by_config(sampler), cdf).pvalue > LEAST


LIMIT = 4 / N_CONFIGS**0.5  # four standard deviations of a correlation of independent values


@pytest.mark.parametrize("sampler", [NumpySampler("u", seed=1), MIX, 2 * NumpySampler("n") + 1], ids=repr)
@pytest.mark.parametrize(
    "listed", [range(N_CONFIGS), [i / 8 for i in range(N_CONFIGS)]], ids=["int", "float"]
)
def test_neighbouring_configs_are_uncorrelated(sampler, listed):
    values = np.array([config["x"] for config in Domain(i=listed, x=sampler)])
    for lag in (1, 2, 3, 10, 64, 1000):
        assert (
            abs(np.corrcoef(values[lag:], values[:-lag])[0, 1])
            < LIMIT * (N_CONFIGS / (N_CONFIGS - lag)) ** 0.5
        )


def test_parameters_with_one_sampler_are_independent():
    sampler = NumpySampler("u", seed=1)
    configs = list(Domain(i=range(N_CONFIGS), x=sampler, y=sampler, z=sampler))
    values = np.array([[config[name] for name in "xyz"] for config in configs])
    correlations = np.corrcoef(values.T)[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < LIMIT
    counts = np.histogram2d(values[:, 0], values[:, 1], bins=8, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(counts.ravel()).pvalue > LEAST


def test_a_value_and_its_successor_fill_the_square_evenly():
    values = np.array(drawn_by_config(NumpySampler("u", seed=2)))
    counts = np.histogram2d(values[::2], values[1::2], bins=8, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(counts.ravel()).pvalue > LEAST


def test_coordinates_of_one_draw_fill_the_square_evenly():
    values = np.array(drawn_by_config(NumpySampler("u", seed=2, dim=2)))
    counts = np.histogram2d(*values.T, bins=8, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(counts.ravel()).pvalue > LEAST


@pytest.mark.parametrize("seeds", [(0, 1), (1, 2), (7, 7 + 2**64)], ids=str)
def test_domains_of_different_seeds_are_independent(seeds):
    one, two = (
        [
            item["x"]
            for item in Domain(i=range(N_CONFIGS), x=NumpySampler("n")).set_iter_params(seed=seed).iterator
        ]
        for seed in seeds
    )
    assert not set(one) & set(two)
    assert abs(np.corrcoef(one, two)[0, 1]) < LIMIT


def test_draws_of_a_grid_show_no_pattern_along_either_side():
    side = 64
    configs = Domain(a=range(side)) * Domain(b=range(side)) * Domain(x=NumpySampler("n", seed=1))
    square = np.array([config["x"] for config in configs]).reshape(side, side)
    assert stats.kstest(square.mean(axis=0) * side**0.5, stats.norm.cdf).pvalue > LEAST
    assert stats.kstest(square.mean(axis=1) * side**0.5, stats.norm.cdf).pvalue > LEAST
    assert stats.kstest((square**2).sum(axis=1), stats.chi2(side).cdf).pvalue > LEAST


def test_an_endless_domain_of_draws_alone_follows_its_law():
    values = [config["x"] for config in islice(Domain(x=NumpySampler("n", seed=4)), N_CONFIGS)]
    assert p_continuous(values, stats.norm) > LEAST
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < LIMIT


def test_repetitions_of_the_whole_domain_in_new_passes_are_independent():
    domain = Domain(i=range(1000), x=NumpySampler("n", seed=1)).set_iter_params(n_items=3000)
    values = np.array([item["x"] for item in domain.iterator]).reshape(3, 1000)
    assert np.abs(np.corrcoef(values)[np.triu_indices(3, 1)]).max() < 4 / 1000**0.5


@pytest.mark.parametrize(
    "sampler",
    [
        NumpySampler("n", dim=3),
        NumpySampler("n", loc=1) & ConstantSampler(2) & NumpySampler("u"),
        NumpySampler("mvn", mean=[0, 0, 0], cov=np.eye(3)),
    ],
    ids=lambda sampler: repr(sampler)[:30],
)
def test_draws_of_several_coordinates_are_tuples(sampler):
    assert all(isinstance(value, tuple) and len(value) == 3 for value in drawn_by_config(sampler, 5))


def test_draws_of_vectors_have_their_covariance():
    cov = np.array([[2.0, 0.8], [0.8, 1.0]])
    values = np.array(drawn_by_config(NumpySampler("mvn", seed=1, mean=[1, -1], cov=cov), 3000))
    whitened = (values - [1, -1]) @ np.linalg.inv(np.linalg.cholesky(cov)).T
    assert stats.kstest(whitened[:, 0], stats.norm.cdf).pvalue > LEAST
    assert stats.kstest(whitened[:, 1], stats.norm.cdf).pvalue > LEAST
    assert stats.kstest((whitened**2).sum(axis=1), stats.chi2(2).cdf).pvalue > LEAST
