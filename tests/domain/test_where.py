"""Filters: what predicates are asked, how often, and what comes of it."""

from __future__ import annotations

import pickle
from itertools import islice

import numpy as np
import pytest

from research import Domain
from research.domain import finding
from research.errors import NoMatchError
from samplers import ConstantSampler, NumpySampler

NORMAL = NumpySampler("normal")


def listed(domain):
    return [config.to_dict() for config in domain]


class Less:
    """Whether a is less than b, with a record of what was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, a, b):
        self.asked.append((a, b))
        return a < b


A, B, Y, Z = Domain(a=range(5)), Domain(b=range(6)), Domain(y=range(3)), Domain(z=range(7))
PLACES = {
    "side by side": lambda keep: (A * B).where(keep),
    "with a factor between": lambda keep: (A * Z * B).where(keep),
    "with a factor outside": lambda keep: (Z * A * B).where(keep),
    "with a factor inside": lambda keep: (A * B * Z).where(keep),
    "the other way round": lambda keep: (Y * B * Z * A).where(keep),
    "multiplied afterwards": lambda keep: (A * B).where(keep) * Z,
    "multiplied before": lambda keep: Z * (A * B).where(keep),
    "beside draws": lambda keep: Domain(s=NORMAL) * Y * (A * B).where(keep),
    "shuffled": lambda keep: (Z * A * B).where(keep).shuffle(3),
    "sliced": lambda keep: (Z * A * B).where(keep)[::-2],
    "in a sum by weight": lambda keep: 0.5 * (Z * A * B).where(keep) + 0.5 * Y,
    "with more conditions": lambda keep: (Y * A * Z * B).where(keep).where(lambda y, z: y < z),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_predicate_is_asked_once_for_each_pair_wherever_they_stand(place):
    keep = Less()
    domain = PLACES[place](keep)
    if place != "with more conditions":
        assert keep.asked == []
    first = list(domain)
    assert (list(domain), domain[0], domain.count()) == (first, first[0], len(first))
    assert len(keep.asked) == len(set(keep.asked)) <= 30
    assert set(keep.asked) >= {(a, b) for a in range(5) for b in range(6) if a < b}
    assert all(config["a"] < config["b"] for config in first if "a" in config)


@pytest.mark.parametrize("place", PLACES)
def test_filters_give_what_loops_would(place):
    domain, everything = PLACES[place](Less()), PLACES[place](lambda config: True)
    kept = [config for config in everything if "a" not in config or config["a"] < config["b"]]
    if place == "sliced":
        kept = [config for config in Z * A * B if config["a"] < config["b"]][::-2]
    if place in {"shuffled", "in a sum by weight"}:
        assert sorted(map(hash, domain)) == sorted(map(hash, kept))
    elif place == "with more conditions":
        assert list(domain) == [config for config in kept if config["y"] < config["z"]]
    else:
        assert list(domain) == kept
    again = list(domain)
    assert [domain[index] for index in reversed(range(len(again)))] == again[::-1]
    for index, config in enumerate(again):
        assert domain.index(config) == index


def test_a_single_parameter_is_asked_once_for_each_value_and_at_once():
    asked = []
    domain = (Z * A * B).where(lambda a: asked.append(a) or a > 2)
    assert asked == [0, 1, 2, 3, 4]
    assert domain == Z * Domain(a=[3, 4]) * B
    assert domain.len == 84
    assert len(asked) == 5
    assert Domain(a=np.arange(9)).where(lambda a: a > 6).len == 2


def test_long_columns_are_asked_as_they_are_read():
    asked = []
    domain = Domain(a=range(10**12)).where(lambda a: asked.append(a) or a % 3 == 0)
    assert asked == []
    assert domain[5] == {"a": 15}
    assert asked == list(range(16))
    assert domain.len is None


def test_no_more_is_looked_at_than_is_read():
    keep = Less()
    domain = Domain(a=range(10**9), b=range(10**9)).where(keep)
    assert [tuple(config.values()) for config in islice(domain, 3)] == [(0, 1), (0, 2), (0, 3)]
    assert bool(domain)
    assert len(keep.asked) == 4
    assert ({"a": 0, "b": 9} in domain) and ({"a": 0, "b": 0} not in domain)
    assert len(keep.asked) == 6


@pytest.mark.parametrize(
    ("make", "how"),
    [
        (lambda: Domain(a=range(4), b=range(4)), lambda a, b: False),
        (lambda: Domain(a=range(4)), lambda a: False),
        (lambda: Domain(a=range(4)) * Domain(s=NORMAL), lambda s: s > 99),
        (lambda: Domain(a=range(4)).shuffle(), lambda config: False),
        (Domain, lambda config: True),
    ],
    ids=["pair", "single", "drawn", "config", "nothing to ask"],
)
def test_where_nothing_is_left_there_is_an_empty_domain_and_no_error(make, how):
    domain = make().where(how)
    assert listed(domain) == listed(domain[1:]) == listed(domain.unique()) == listed(domain.shuffle()) == []
    assert listed(domain * Z) == listed(Z * domain) == []
    assert listed(domain + Z[:1]) == listed(Z[:1] + domain) == [{"z": 0}]
    assert listed(2 * domain + 1 * Z[:1]) == [{"z": 0}]
    assert (domain.count(), domain.len, len(domain), bool(domain)) == (0, 0, 0, False)
    assert {"a": 1, "b": 1} not in domain
    with pytest.raises(IndexError, match="the domain has 0 configs, there is no number 0"):
        domain[0]
    assert domain.to_df().shape[0] == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: Domain(a=range(10**9), b=range(10**9)).where(lambda a, b: False),
        lambda: Domain(a=range(10**9)).where(lambda a: a < 0),
        lambda: Domain(a=range(10**9)).shuffle().where(lambda config: False),
    ],
    ids=["pair", "long column", "shuffled"],
)
def test_a_filter_that_matches_nothing_for_too_long_is_an_error(make, monkeypatch):
    monkeypatch.setattr(finding, "MOST_MISSES", 100)
    domain = make()
    for look in (lambda: domain[0], lambda: list(domain), domain.count, lambda: bool(domain)):
        with pytest.raises(NoMatchError, match="no match among 101 in a row"):
            look()


def test_a_million_misses_are_too_many(monkeypatch):
    assert finding.MOST_MISSES == 10**6
    monkeypatch.setattr(finding, "MOST_MISSES", 100)
    assert listed(Domain(a=range(101), b=[100]).where(lambda a, b: a == b)) == [{"a": 100, "b": 100}]
    with pytest.raises(NoMatchError):
        Domain(a=range(102), b=[101]).where(lambda a, b: a == b).count()


def test_in_an_endless_domain_too_many_misses_are_an_error(monkeypatch):
    monkeypatch.setattr(finding, "MOST_MISSES", 100)
    for domain in (
        Domain(s=NORMAL).where(lambda s: s > 99),
        Domain(s=ConstantSampler(3)).unique()[1:],
        Domain(s=ConstantSampler(3)) - [{"s": 3}],
    ):
        with pytest.raises(NoMatchError, match="no match among 101 in a row"):
            list(domain)


def test_misses_count_anew_after_each_match(monkeypatch):
    monkeypatch.setattr(finding, "MOST_MISSES", 10)
    domain = Domain(a=range(200), b=[0]).where(lambda a, b: a % 10 == b)
    assert domain.count() == 20
    with pytest.raises(NoMatchError):
        Domain(a=range(200), b=[0]).where(lambda a, b: a % 12 == b).count()


def test_what_a_predicate_raises_is_raised_and_says_about_what_it_was_asked():
    broken = {1}

    def keep(a, b):
        if a in broken:
            raise KeyError("on purpose")
        return a != b

    domain = Domain(a=range(3), b=range(3)).where(keep)
    assert domain[1] == {"a": 0, "b": 2}
    for _ in range(2):
        with pytest.raises(KeyError, match="on purpose") as caught:
            list(domain)
        assert "'a': 1" in caught.value.__notes__[0]
        assert "keep" in caught.value.__notes__[0]
        assert domain[0] == {"a": 0, "b": 1}
    broken.clear()
    assert domain.count() == len(list(domain)) == 6


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        (lambda alpa, beta: True, r"asks for 'alpa', which is no parameter.*did you mean 'alpha'"),
        (
            lambda alpha, gamma: True,
            r"asks for 'gamma', which is no parameter.*known: 'alpha', 'beta'",
        ),
        (lambda p, q: True, r"asks for 'p'"),
        (lambda *, alpa: True, r"asks for 'alpa'"),
    ],
    ids=["misspelt", "one unknown", "two unknown", "keyword"],
)
def test_an_argument_that_is_no_parameter_is_named(predicate, message):
    with pytest.raises(ValueError, match=message):
        Domain(alpha=[1], beta=[2]).where(predicate)


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match="`predicate` must be callable, got 3"):
        A.where(3)


def test_arguments_with_defaults_may_be_missing():
    assert (A * B).where(lambda a, c=4: a == c) == Domain(a=[4]) * B
    together = Domain(a=[1, 5]) + Domain(b=[3]) * Domain(c=[1])
    assert listed(together.where(lambda a=0, b=0: a < 5)) == [{"a": 1}, {"b": 3, "c": 1}]


@pytest.mark.parametrize("view", ["sum", "shuffled", "listed"])
def test_a_default_stands_for_what_some_configs_lack(view):
    domain = {
        "sum": Domain(a=[1]) + Domain(b=[2]) + Domain(a=[9]),
        "shuffled": (Domain(a=[1]) + Domain(b=[2]) + Domain(a=[9]))[::1],
        "listed": Domain([{"a": 1}, {"b": 2}, {"a": 9}]),
    }[view]
    assert listed(domain.where(lambda a=0: a < 2)) == [{"a": 1}, {"b": 2}]
    assert listed(domain.where(lambda a=5: a > 2)) == [{"b": 2}, {"a": 9}]
    assert listed(domain.where(lambda b=0, a=0: a + b > 1)) == [{"b": 2}, {"a": 9}]


@pytest.mark.parametrize("view", ["sum", "shuffled", "listed"])
def test_a_summand_that_lacks_what_is_asked_for_is_an_error(view):
    domain = {
        "sum": Domain(a=[1]) + Domain(b=[2]),
        "shuffled": (Domain(a=[1]) + Domain(b=[2])).shuffle(),
        "listed": Domain([{"a": 1}, {"b": 2}]),
    }[view]
    with pytest.raises(ValueError, match="'a'"):
        list(domain.where(lambda a: True))
    with pytest.raises(ValueError, match=r"'[ab]'"):
        list(domain.where(lambda a, b: True))


def test_the_only_argument_may_be_the_config_which_is_a_plain_one():
    asked = []
    domain = (A * Domain(s=NORMAL)).where(lambda config: asked.append(config) or config["a"] > 2)
    assert [config["a"] for config in domain] == [3, 4]
    assert [set(config) for config in asked] == [{"a", "s"}] * 5
    assert listed(Domain(config=[1, 2]).where(lambda config: config == 2)) == [{"config": 2}]
    assert listed(A.where(lambda *configs: configs[0]["a"] > 3)) == [{"a": 4}]


def test_conditions_keep_their_scope_in_products():
    alone = Domain(a=[1, 2]).where(lambda config: dict(config) != {"a": 1})
    assert listed(alone * Domain(b=[1])) == listed(Domain(a=[2]) * Domain(b=[1]))
    both = alone * (Domain(b=[1, 2]) * Domain(c=[1, 2])).where(lambda b, c: b != c)
    assert listed(both) == [{"a": 2, "b": 1, "c": 2}, {"a": 2, "b": 2, "c": 1}]
    assert listed(both.where(lambda a, b, c: a != b)) == [{"a": 2, "b": 1, "c": 2}]


def test_drawn_values_are_asked_about_in_the_config_that_they_belong_to():
    grid = Domain(a=range(40)) * Domain(s=NORMAL)
    positive = grid.where(lambda s: s > 0)
    assert listed(positive) == [config for config in listed(grid) if config["s"] > 0]
    larger = positive * Domain(b=[0, 1])
    assert listed(larger) == [config for config in listed(grid * Domain(b=[0, 1])) if config["s"] > 0]
    mixed = (grid * Domain(b=[0, 1])).where(lambda a, s, b: s > b and a % 2)
    expected = [one for one in listed(grid * Domain(b=[0, 1])) if one["s"] > one["b"] and one["a"] % 2]
    assert listed(mixed) == expected
    counts = {seed: len(list(positive.set_iter_params(seed=seed))) for seed in range(4)}
    assert len(set(counts.values())) > 1
    assert all(config["s"] > 0 for config in positive)


def test_nested_parameters_are_asked_for_as_groups():
    paths = Domain({"m/x": [1, 2], "m/y": [3]})
    assert listed(paths.where(lambda m: m["x"] == 2 and m["y"] == 3)) == [{"m/x": 2, "m/y": 3}]
    dicts = Domain(m=[{"x": 1}, {"x": 2}])
    assert listed(dicts.where(lambda m: m["x"] == 2)) == [{"m": {"x": 2}}]
    assert listed(paths.where(lambda config: config["m/x"] == 1)) == [{"m/x": 1, "m/y": 3}]
    assert (paths * A).where(lambda m, a: m["x"] == a).count() == 2


def test_what_a_predicate_does_to_a_value_changes_no_config():
    assert listed(Domain(a=[[1], [2]]).where(lambda a: a.append(3) or True)) == [{"a": [1]}, {"a": [2]}]
    pairs = Domain(a=[[1], [2]], b=[0]).where(lambda a, b: a.append(3) or True)
    assert listed(pairs) == [{"a": [1], "b": 0}, {"a": [2], "b": 0}]


def is_even(a, b):
    return (a + b) % 2 == 0


def test_filtered_domains_are_equal_by_what_they_ask_and_are_pickled_with_it():
    domain = (A * B).where(is_even)
    assert domain == (A * B).where(is_even)
    assert hash(domain) == hash((A * B).where(is_even))
    assert domain != (A * B).where(Less())
    assert (A * B).where(lambda a, b: a < b) == (A * B).where(lambda a, b: a < b)
    assert (A * B).where(lambda a, b: a < b) != (A * B).where(lambda a, b: a > b)
    assert pickle.loads(pickle.dumps(Domain(a=range(3)).where(bool))) == Domain(a=range(3)).where(bool)


def test_defaults_given_later_change_nothing_of_what_has_passed():
    domain = Domain([{"a": 1}, {"b": 2}]).where(lambda config: len(config) == 1)
    assert listed(domain.with_defaults(b=5)) == [{"a": 1, "b": 5}, {"b": 2}]
    assert listed(domain.with_defaults(b=5).where(lambda b: b > 2)) == [{"a": 1, "b": 5}]
    summed = (Domain(a=[1, 2]) + Domain(b=[2])).where(lambda a=1: a == 1).with_defaults(a=2)
    assert listed(summed) == [{"a": 1}, {"b": 2, "a": 2}]


def is_short(config):
    return len(config) == 2


@pytest.mark.parametrize("predicate", [is_even, is_short])
def test_a_filtered_domain_is_rebuilt_from_its_text(predicate):
    grid = (A * B).where(predicate)
    for domain in (grid, grid[1:], grid * Z, Z * grid, 0.5 * grid * Z, (grid * Z).where(bool)):
        text = repr(domain).replace(f"{__name__}.", "")
        again = eval(text, {"Domain": Domain, "is_even": is_even, "is_short": is_short})
        assert list(again) == list(domain)
        assert again == domain
