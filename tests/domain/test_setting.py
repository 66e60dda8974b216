"""Values of a parameter, put in place of others."""

from __future__ import annotations

import pytest

from research import Alias, Domain
from research.domain.setting import set_values
from samplers import NumpySampler


def dicts(domain):
    return [config.to_dict() for config in domain]


def test_values_are_replaced_wherever_there_are_any():
    domain = Domain(a=[1, 2]) * Domain(b=[3, 4]) + Domain(c=[5])
    assert dicts(set_values(domain, "a", [9])) == [{"a": 9, "b": 3}, {"a": 9, "b": 4}, {"c": 5}]
    assert dicts(set_values(domain, "d", [0])) == [{**config, "d": 0} for config in dicts(domain)]
    assert dicts(domain)[0] == {"a": 1, "b": 3}  # it is a value


def test_more_values_come_after_those_that_are_there():
    domain = set_values(Domain(a=range(2)) * Domain(b=[1]), "a", [1, 2, 2], extend=True)
    assert [config["a"] for config in domain] == [0, 1, 2]
    assert domain[0].hash() == Domain(a=[0], b=[1])[0].hash()


def test_what_a_grid_costs_does_not_depend_on_its_size():
    domain = set_values(Domain(a=range(10**9), b=range(10**9), c=[1]), "b", range(10**12))
    assert domain.len == 10**21
    with pytest.raises(ValueError, match="'a' has 1000000000 values, too many to be listed"):
        set_values(domain, "a", [-1], extend=True)


def test_values_are_added_to_those_of_listed_configs():
    assert dicts(set_values(Domain([{"a": 1}, {"a": 2}]), "a", [2, 3], extend=True)) == [
        {"a": 1},
        {"a": 2},
        {"a": 3},
    ]


def test_draws_are_replaced_by_values():
    domain = Domain(a=[1, 2], x=NumpySampler("normal", seed=1))
    assert dicts(set_values(domain, "x", [0.5])) == [{"a": 1, "x": 0.5}, {"a": 2, "x": 0.5}]
    kept = [config["x"] for config in set_values(domain, "a", [2])]
    assert kept == [config["x"] for config in domain if config["a"] == 2]


def test_what_is_zipped_or_listed_is_combined_with_the_values():
    zipped = (Domain(a=[1, 2]) @ Domain(b=[3, 4])) * Domain(c=[5])
    assert dicts(set_values(zipped, "a", [7])) == [{"a": 7, "b": 3, "c": 5}, {"a": 7, "b": 4, "c": 5}]
    listed = Domain.from_configs([{"a": 1, "b": 2}, {"a": 2, "b": 2}, {"b": 3}])
    assert dicts(set_values(listed, "a", [7])) == [{"a": 7, "b": 2}, {"b": 3}]
    assert dicts(set_values(listed, "a", [2, 7], extend=True)) == [
        {"a": 1, "b": 2},
        {"a": 2, "b": 2},
        {"a": 7, "b": 2},
        {"b": 3},
    ]


def test_what_a_domain_was_told_stays():
    domain = Domain(a=[1, 2]) * Domain(b=[3]).ignore("b")
    domain = domain.where(lambda a, b: a < b).set_iter_params(n_reps=2, seed=5)
    found = set_values(domain, "a", [2, 4])
    assert dicts(found) == [{"a": 2, "b": 3}]  # the condition holds for new values
    assert found.size is None or found.size == 2
    assert found.count() == 1
    assert (found.seed, found[0].explain_hash()["b"]) == (5, {"$ignored": 3})
    weighted = set_values(0.5 * Domain(a=[1]) + 0.5 * Domain(b=[1]), "a", [3])
    assert sorted(map(str, dicts(weighted))) == ["{'a': 3}", "{'b': 1}"]
    aliased = set_values(Domain(a=[Alias(1, "one")]), "a", [2], extend=True)
    assert [dict(config.raw_items())["a"] for config in aliased] == [Alias(1, "one"), 2]


def test_a_parameter_that_only_has_a_default_gets_values():
    domain = Domain(a=[1, 2]).with_defaults(b=0)
    assert dicts(set_values(domain, "b", [5]))[1] == {"a": 2, "b": 5}
    more = set_values(domain, "b", [5], extend=True)
    assert [config["b"] for config in more] == [0, 5, 0, 5]
    assert more[0].hash() == domain[0].hash()


def test_what_belongs_together_with_draws_is_refused():
    domain = Domain(b=[1, 2]) @ (Domain(a=[1, 2]) * Domain(x=NumpySampler("normal")))
    domain = domain[:2]
    with pytest.raises(ValueError, match="the parameter 'a' is drawn, or belongs together with what is"):
        set_values(domain, "a", [1])
