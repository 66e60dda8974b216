"""Domains walked by hand: items, short names, repetitions, draws and weights."""

from __future__ import annotations

from itertools import islice

from research import EC, Alias, Domain, Option, Research
from samplers import NumpySampler


def plain(domain, *arguments, **settings):
    """Return the configs that a domain produces, as dicts."""
    domain.set_iter_params(*arguments, additional=False, **settings)
    return [item.config().to_dict() for item in domain.iterator]


def test_an_item_holds_values_and_short_names_and_what_the_walk_added():
    domain = Domain(kernel=[Alias("rbf", "r"), dict], size=[3])
    first, second = domain.iterator
    assert first.config() == {"kernel": "rbf", "size": 3, "repetition": 0, "updates": 0}
    assert first.alias() == {"kernel": "r", "size": "3", "repetition": "0", "updates": "0"}
    assert (second["kernel"], second.alias()["kernel"]) == (dict, "dict")
    assert second.alias(as_string=True, delim=" ") == "kernel_dict size_3 repetition_0 updates_0"


def test_the_iterator_is_one_walk_until_it_is_set_anew():
    domain = Domain(a=[1, 2, 3])
    assert [next(domain.iterator)["a"], next(domain)["a"], next(domain.iterator)["a"]] == [1, 2, 3]
    assert list(domain.iterator) == []
    assert [item["a"] for item in domain.set_iter_params().iterator] == [1, 2, 3]


def test_draws_go_on_for_ever_and_are_repeated_group_by_group():
    domain = Domain(rate=NumpySampler("u")).set_iter_params(n_reps=3, repeat_each=2)
    items = list(islice(domain.iterator, 12))
    draws = [item["rate"] for item in items]
    assert (domain.len, domain.size) == (None, None)
    assert draws[:2] == draws[2:4] == draws[4:6] != draws[6:8]
    assert draws[6:8] == draws[8:10] == draws[10:]
    assert [item["repetition"] for item in items] == [0, 0, 1, 1, 2, 2] * 2
    assert len(set(draws)) == 4


def test_a_group_of_weights_stands_between_its_neighbours_in_every_pass():
    parts = [Option(name, [number]) for number, name in enumerate("abcdef")]
    domain = parts[0] + 1.5 * parts[1] + 2.5 * parts[2] + parts[3] + 1.0 * parts[4] + 3.0 * parts[5]
    names = ["".join(config) for config in plain(domain, 12)]
    for turn in (names[:6], names[6:]):
        assert (turn[0], set(turn[1:3]), turn[3], set(turn[4:])) == ("a", {"b", "c"}, "d", {"e", "f"})


def test_what_has_by_far_the_largest_weight_comes_first():
    domain = Option("a", [1, 2]) + 1.0 * Option("b", range(50)) + 1e9 * Option("c", range(50))
    configs = plain(domain)
    assert ["".join(config) for config in configs] == ["a"] * 2 + ["c"] * 50 + ["b"] * 50


def test_a_study_runs_what_a_domain_was_told_to_produce():
    domain = (Domain(a=[1, 2]) * Domain(s=NumpySampler("n"))).set_iter_params(
        4, n_reps=2, repeat_each=1, seed=5
    )
    expected = [(item["a"], item["s"], item["repetition"]) for item in domain.iterator]
    study = Research(domain=domain).add_callable("f", abs, args=[EC("a")], save_to="y")
    table = study.run(workers=2, dump_results=False, bar=False).results.to_df(remove_auxilary=False)
    assert list(zip(table["a"], table["s"], table["repetition"], strict=True)) == expected
