"""What is asked of a domain costs what it must: nothing beyond is looked at."""

from __future__ import annotations

import math

import pytest

from research import Config, Domain, Research
from samplers import NumpySampler, Sampler

HUGE = Domain(a=range(10**9), b=range(10**9), c=range(10**9))
SOME = HUGE[:3]


def less(a, b):
    return a < b


@pytest.mark.parametrize(
    "domain",
    [
        HUGE.where(less)[:5],
        HUGE.shuffle(1).where(less)[:5],
        HUGE.shuffle(1).unique()[:5],
        (HUGE.shuffle(1) - SOME)[:5],
        (HUGE - [{"a": 0, "b": 0, "c": 0}])[2:7],
    ],
    ids=["where", "shuffled", "unique", "difference", "rest"],
)
def test_a_short_slice_of_what_is_not_counted(domain):
    assert len(domain) == len(list(domain)) == domain.len == 5
    done = Research("study", domain).add_callable("f", lambda: 1, save_to="x")
    assert len(done.run(parallel=False, bar=False, dump_results=False).results.df) == 5


ONE = {"a": 1, "b": 2, "c": 3}
REVERSED = {"a": 2, "b": 1, "c": 3}


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (HUGE.where(less), ONE, REVERSED),
        (HUGE.where(lambda config: config["a"] < config["b"]), ONE, REVERSED),
        (HUGE.where(less) * Domain(d=[1]), {**ONE, "d": 1}, {**REVERSED, "d": 1}),
        (HUGE - [REVERSED], ONE, REVERSED),
        (HUGE.unique(), ONE, {**ONE, "c": -1}),
        (HUGE.where(less).unique() - SOME, ONE, REVERSED),
        (0.5 * HUGE.where(less) + 0.5 * Domain(d=range(10**9)), ONE, REVERSED),
        (0.5 * HUGE.where(less) + 0.5 * Domain(d=range(10**9)), {"d": 10**8}, {"d": -1}),
        (HUGE.where(less).with_defaults(e=1), ONE, REVERSED),
    ],
    ids=[
        "where",
        "config",
        "product",
        "difference",
        "unique",
        "several",
        "weights",
        "weights' end",
        "defaults",
    ],
)
def test_membership_is_asked_of_one_config(domain, inside, outside):
    assert inside in domain
    assert outside not in domain


def test_membership_of_a_filtered_config_with_drawn_values():
    listed = Domain(a=range(1000), b=range(1000))
    domain = listed.where(less) * Domain(s=NumpySampler("normal"))
    config = domain[5]
    assert config in domain
    assert {**config, "s": 0.5} not in domain
    assert (listed * Domain(s=NumpySampler("normal")))[1000] not in domain


def test_what_is_taken_from_a_filter_that_nobody_could_count():
    small = Domain(a=range(3), b=range(3), c=range(3))
    left = small - HUGE.where(less)
    assert left.count() == 27 - 9
    assert all(config["a"] >= config["b"] for config in left)


def test_a_chain_of_differences_is_one():
    domain = Domain(a=range(1000))
    for number in range(300):
        domain = domain - [{"a": number}]
    assert [config["a"] for config in domain] == list(range(300, 1000))
    assert eval(repr(domain)) == domain


def test_a_difference_takes_configs_by_their_ids():
    domain = Domain(a=[1, 2, 3])
    assert [config["a"] for config in domain - {"id": Config(a=2)}] == [1, 3]


def test_a_table_of_a_huge_domain_is_refused():
    with pytest.raises(ValueError, match=rf"a domain of {10**27} configs makes no table"):
        HUGE.to_df()


def test_domains_can_be_summed_up():
    assert sum([Domain(a=[1]), Domain(b=[2])]) == Domain(a=[1]) + Domain(b=[2])
    assert math.prod([Domain(a=[1]), Domain(b=[2])], start=Domain({})) == Domain(a=[1]) * Domain(b=[2])


def test_a_star_draws_where_a_sampler_is_given():
    star = Domain.star({"a": 1, "b": 2}, b=NumpySampler("normal"))
    assert star == Domain(a=[1], b=[2]) + Domain(a=[1], b=NumpySampler("normal"))


@pytest.mark.parametrize(
    "predicate",
    [lambda optimiser: True, lambda n_head: True, lambda *, n_head: True],
    ids=["one", "two", "keyword"],
)
def test_a_misspelt_argument_is_not_the_config(predicate):
    with pytest.raises(ValueError, match=r"did you mean 'optimizer'|did you mean 'n_heads'"):
        Domain(optimizer=["sgd"], n_heads=[1]).where(predicate)


@pytest.mark.parametrize("name", ["/", "a/", "/a", "a//b"])
def test_a_path_has_no_empty_parts(name):
    with pytest.raises(ValueError, match="no empty parts"):
        Domain({name: [1]})
    with pytest.raises(ValueError, match="no empty parts"):
        Config({name: 1})


def test_a_sampler_of_ones_own_writes_its_seed():
    class Own(Sampler):
        content = (1,)

        def __init__(self, number, seed=None):
            super().__init__(seed=seed)

        def draw(self, rng, size):
            return rng.random((size, 1))

    assert repr(Own(1, seed=4)) == "Own(1, seed=4)"
    assert eval(repr(Own(1, seed=4)), {"Own": Own}) == Own(1, seed=4)
