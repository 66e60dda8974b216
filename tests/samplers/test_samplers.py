"""Samplers: distributions of numpy and scipy as values, and the seeds they take."""

from __future__ import annotations

import pickle
import types

import numpy as np
import pytest
from scipy import stats

from samplers import ALIASES, NumpySampler, Sampler, ScipySampler, make_rng, make_seed

SAMPLERS = [
    NumpySampler("normal", loc=2, scale=3),
    NumpySampler("uniform", dim=2, low=-1),
    NumpySampler("mvn", mean=[0, 1], cov=[[1, 0], [0, 1]]),
    NumpySampler("choice", a=[1, 5, 7], p=[0.1, 0.2, 0.7]),
    ScipySampler("norm", loc=2, scale=3),
    ScipySampler("loguniform", a=1e-4, b=1),
    ScipySampler("poisson", mu=3, dim=2),
    ScipySampler("multivariate_normal", mean=[0, 1, 2]),
]


def seeded(sampler, seed):
    copy = pickle.loads(pickle.dumps(sampler))
    copy.seed = seed
    return copy


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_a_sample_has_one_row_per_point_and_one_column_per_dimension(sampler):
    for size in (1, 7):
        assert sampler.sample(size).shape == (size, sampler.dim)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_a_seed_repeats_the_sample_and_another_does_not(sampler):
    one, two, other = seeded(sampler, 5), seeded(sampler, 5), seeded(sampler, 6)
    first = one.sample(50)
    np.testing.assert_array_equal(first, two.sample(50))
    assert not np.array_equal(first, other.sample(50))
    assert not np.array_equal(first, one.sample(50))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_a_sampler_is_a_value(sampler):
    again = eval(repr(sampler), {"NumpySampler": NumpySampler, "ScipySampler": ScipySampler})
    assert again == sampler == pickle.loads(pickle.dumps(sampler))
    assert hash(again) == hash(sampler)
    again.sample(3)
    assert again == sampler
    assert seeded(sampler, 1) != sampler
    assert all(other != sampler for other in SAMPLERS if other is not sampler)


@pytest.mark.parametrize(
    ("sampler", "law"),
    [
        (NumpySampler("normal", seed=1, loc=2, scale=3), stats.norm(2, 3)),
        (NumpySampler("e", seed=1, scale=2), stats.expon(scale=2)),
        (NumpySampler("be", seed=1, a=2, b=3), stats.beta(2, 3)),
        (ScipySampler("gamma", seed=1, a=2), stats.gamma(2)),
        (ScipySampler("loguniform", seed=1, a=1e-3, b=1), stats.loguniform(1e-3, 1)),
    ],
    ids=lambda item: repr(item)[:30],
)
def test_samples_follow_their_law(sampler, law):
    assert stats.kstest(sampler.sample(20_000)[:, 0], law.cdf).pvalue > 0.01


@pytest.mark.parametrize("alias", ALIASES)
def test_short_names_mean_the_same_in_both_libraries(alias):
    parameters = {
        "mvn": ({"mean": [0], "cov": [[1]]}, {"mean": [0]}),
        "g": ({"shape": 2}, {"a": 2}),
        "be": ({"a": 1, "b": 2}, {"a": 1, "b": 2}),
        "mnm": ({"n": 3, "pvals": [0.5, 0.5]}, {"n": 3, "p": [0.5, 0.5]}),
        "f": ({"dfnum": 2, "dfden": 3}, {"dfn": 2, "dfd": 3}),
        "p": ({"lam": 2}, {"mu": 2}),
        "w": ({"a": 2}, {"c": 2}),
        "ln": ({}, {"s": 1}),
        "b": ({"n": 2, "p": 0.5}, {"n": 2, "p": 0.5}),
        "chi2": ({"df": 2}, {"df": 2}),
        "c": ({"a": 3}, None),
    }
    ours, theirs = parameters.get(alias, ({}, {}))
    numpy_name, scipy_name = ALIASES[alias]
    assert NumpySampler(alias, **ours).name == numpy_name
    if scipy_name is not None:
        assert NumpySampler(scipy_name, **ours).name == numpy_name
        assert ScipySampler(alias, **theirs) == ScipySampler(numpy_name, **theirs)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: NumpySampler("normall"), ValueError, "numpy has no.*'normall'.*normal"),
        (lambda: ScipySampler("nrom"), ValueError, "scipy.stats has no.*'nrom'.*norm"),
        (lambda: NumpySampler("shuffle"), ValueError, "'shuffle'"),
        (lambda: NumpySampler("normal", locc=1), ValueError, "NumpySampler.*locc=1.*refuses"),
        (lambda: NumpySampler("normal", scale=-1), ValueError, "scale=-1.*refuses"),
        (lambda: ScipySampler("gamma"), ValueError, "ScipySampler.*'gamma'.*refuses"),
        (lambda: NumpySampler("normal", dim=0), ValueError, "`dim`.*got 0"),
        (lambda: NumpySampler(5), TypeError, "must be a str, got 5"),
        (lambda: make_seed(-1), ValueError, "must not be negative, got -1"),
        (lambda: make_seed("one"), TypeError, "`seed` must be.*'one'"),
        (lambda: make_seed(1.5), TypeError, "`seed` must be.*1.5"),
    ],
)
def test_bad_input_is_named(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_seeds_of_every_kind():
    assert make_seed(5) == make_seed(np.int64(5)) == 5
    assert make_seed(2**200) == 2**200
    assert make_seed(np.random.SeedSequence(3)) == make_seed(np.random.SeedSequence(3))
    assert make_seed(np.random.default_rng(3)) == make_seed(np.random.default_rng(3))
    assert make_seed(types.SimpleNamespace(random_seed=np.random.SeedSequence(3))) == make_seed(
        np.random.SeedSequence(3)
    )
    fresh = [make_seed(seed) for seed in (None, True, False, None)]
    assert len(set(fresh)) == 4
    assert make_rng(4).random() == make_rng(4).random() != make_rng(5).random()


def test_a_sampler_of_one_s_own_needs_a_content_and_a_way_to_draw():
    class Constant(Sampler):
        content = ("constant", 5)

        def draw(self, rng, size):
            return np.full((size, 1), 5)

    assert Constant().sample(2).tolist() == [[5], [5]]
    with pytest.raises(TypeError, match="abstract"):
        Sampler()
