"""Configs of results as a domain."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from research import EC, Alias, Config, Domain, E, Experiment, Research
from research.errors import UnstableValueError
from samplers import NumpySampler
from tests.results.small_studies import run


def measure(config):
    return len(config)


def results_of(domain, **options):
    return run(Experiment().add_callable("f", measure, config=EC(), save_to="y"), domain, **options)


def test_configs_have_the_ids_that_they_had():
    domain = Domain({"a/b": [1, 2.5, None], "c": ["x", (1, 2)], "f": [max], "g": [Alias([3], "three")]})
    first = results_of(domain, n_reps=2)
    again = first.to_domain()
    assert list(again) == list(domain)
    assert set(results_of(again, n_reps=2).configs) == set(first.configs)


def test_drawn_values_and_random_streams_are_the_same():
    def draw(random, x):
        return random.random() + x

    experiment = Experiment().add_callable("f", draw, random=E().random, x=EC("x"), save_to="y")
    first = run(experiment, Domain(a=[1, 2]) * Domain(x=NumpySampler("u")), seed=3)
    again = run(experiment, first.to_domain(), seed=3)
    assert first.df.equals(again.df)


def test_filters_are_those_of_tables():
    results = results_of(Domain(a=[1, 2, 3], b=[1, 2]))
    assert list(results.to_domain(a=1)) == [Config(a=1, b=1), Config(a=1, b=2)]
    assert list(results.to_domain(domain=Domain(a=[3]), b=2)) == [Config(a=3, b=2)]
    best = results.df.iloc[[2, 3]]
    assert list(results.to_domain(experiment_id=best["id"])) == [Config(a=2, b=1), Config(a=2, b=2)]
    assert results.to_domain(a=4) == Domain()
    with pytest.raises(ValueError, match="no experiment has a parameter 'd'"):
        results.to_domain(d=1)


def test_short_names_stay():
    results = results_of(Domain(a=[Alias([1, 2], "short")]))
    (item,) = results.to_domain().set_iter_params(additional=False).iterator
    assert item.alias(as_string=True) == "a_short" and item["a"] == [1, 2]


def test_defaults_stay_no_part_of_the_identity():
    domain = Domain(a=[1, 2], b=[5, 6]).with_defaults(b=5)
    assert [config.hash() for config in results_of(domain).to_domain()] == [
        config.hash() for config in domain
    ]


def test_what_workers_add_is_left_out():
    results = results_of(Domain(a=[1]), workers=[{"w": 5}])
    assert "w" in results.df
    assert list(results.to_domain()) == [Config(a=1)]


def test_what_cannot_be_rebuilt_keeps_its_identity_and_is_refused_as_a_value():
    domain = Domain(a=[np.arange(3)], f=[partial(max, 1)])
    again = results_of(domain).to_domain()
    assert [config.hash() for config in again] == [domain[0].hash()]
    with pytest.raises(UnstableValueError, match=r"parameter 'a': .* was read from results"):
        results_of(again)


def test_the_domain_of_a_stored_study():
    study = Research("kept", Domain(a=[1, 2])).add_callable("f", measure, config=EC(), save_to="y")
    study.run(parallel=False, bar=False)
    assert list(Research.load("kept").results.to_domain(a=2)) == [Config(a=2)]
