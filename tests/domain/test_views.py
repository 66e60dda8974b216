"""Views: slices, random orders, shards, differences, defaults; of grids of any size."""

from __future__ import annotations

import tracemalloc
from itertools import islice

import numpy as np
import pytest

from research import Alias, Config, Domain
from research.domain.permutation import Permutation
from samplers import NumpySampler

NORMAL = NumpySampler("normal")
HUGE = Domain(a=range(10**9), b=range(10**9), c=range(10**9))
FOUR = Domain(a=range(4))
ENDLESS = Domain(s=NORMAL)


def listed(domain):
    return [config.to_dict() for config in domain]


def digits(number):
    return {"a": number // 10**18, "b": number // 10**9 % 10**9, "c": number % 10**9}


LENGTHS = [
    1,
    2,
    3,
    7,
    61,
    1000,
    2**20 - 1,
    2**20,
    2**20 + 1,
    10**7 + 19,
    3**25,
    10**18 + 9,
    2**64 + 13,
    10**27,
]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("seed", [0, 1, 2**100])
def test_a_permutation_of_any_length_is_one(length, seed):
    order = Permutation(length, seed)
    picks = {0, length - 1, length // 2, *(number * 7919 % length for number in range(300))}
    images = {pick: order[pick] for pick in picks}
    assert len(set(images.values())) == len(picks)
    assert all(0 <= image < length for image in images.values())
    assert all(order.index(image) == pick for pick, image in images.items())
    assert all(order[order.index(pick)] == pick for pick in picks)
    if length <= 1000:
        assert sorted(map(order.__getitem__, range(length))) == list(range(length))


@pytest.mark.parametrize("length", [2**20 + 7, 10**27])
def test_a_long_permutation_scatters_evenly_and_differs_from_seed_to_seed(length):
    first, second = ([Permutation(length, seed)[n] for n in range(4000)] for seed in (1, 2))
    assert sum(one == other for one, other in zip(first, second, strict=True)) < 5
    for images in (first, second):
        tenths = np.bincount([image * 10 // length for image in images], minlength=10)
        assert ((tenths - 400) ** 2 / 400).sum() < 33.7  # chi-square of 9 degrees at 10^-4
        ascents = sum(images[n] < images[n + 1] for n in range(3999))
        assert abs(ascents - 2000) < 150


def test_all_orders_of_a_few_configs_come_about():
    orders = {tuple(config["a"] for config in Domain(a=range(3)).shuffle(seed)) for seed in range(60)}
    assert len(orders) == 6


def test_a_huge_grid_is_a_domain_like_any_other():
    assert HUGE.len == HUGE.count() == 10**27
    assert HUGE[10**26] == digits(10**26)
    assert HUGE.index(digits(123456789 * 10**17 + 5)) == 123456789 * 10**17 + 5
    assert digits(10**26) in HUGE
    assert {"a": 10**9, "b": 0, "c": 0} not in HUGE
    assert {"a": 0, "b": 0} not in HUGE
    assert {"a": 0.0, "b": 0, "c": 0} not in HUGE
    assert HUGE[10**26 : 10**26 + 3].len == 3
    assert listed(HUGE[:: -(10**26)])[1] == digits(10**27 - 1 - 10**26)
    assert HUGE.shard(3, 7)[10**20] == digits(7 * 10**20 + 3)
    assert sum(HUGE.shard(k, 7).len for k in range(7)) == 10**27


def test_a_huge_grid_is_shuffled_and_sampled_without_listing_it():
    shuffled = HUGE.shuffle(seed=1)
    assert shuffled.len == 10**27
    some = listed(shuffled[0:5])
    assert len({str(config) for config in some}) == 5
    assert some == listed(HUGE.sample(5, seed=1)) == listed(islice(shuffled, 5))
    assert some != listed(HUGE.sample(5, seed=2))
    for index in (0, 5, 10**13, 10**27 - 1):
        assert shuffled.index(shuffled[index]) == index
    assert shuffled[-1] == shuffled[::-1][0] == shuffled[10**27 - 1]
    assert shuffled[shuffled.index(digits(10**26))] == digits(10**26)
    assert HUGE.shuffle(3)[: 10**26].len == 10**26


def test_nothing_is_listed_of_huge_grids():
    def use():
        domain = HUGE * Domain(s=NORMAL)
        for view in (domain, domain.shuffle(1), domain[5:], domain.shard(1, 9), domain + domain):
            assert view[10**26 // 10]["s"] == view[10**26 // 10]["s"]
            list(islice(view, 20))
        list(islice(HUGE.where(lambda a, b: a < b), 20))
        list(islice(HUGE.unique(), 20))
        list(islice(HUGE - HUGE[:10], 20))
        list(islice(0.5 * HUGE + 0.5 * Domain(z=range(10**9)), 20))
        assert HUGE.index(digits(7)) == 7
        repr(HUGE.shuffle(1)), hash(HUGE), HUGE[:] == HUGE, HUGE.to_df(10), HUGE.describe()

    use()
    tracemalloc.start()
    use()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6


def test_views_of_endless_domains():
    assert ENDLESS[5:][0] == ENDLESS[5]
    assert listed(ENDLESS[2:9:3]) == [ENDLESS[n].to_dict() for n in (2, 5, 8)]
    assert (ENDLESS[2:9:3].len, ENDLESS[2:].len, ENDLESS[: 10**30].len) == (3, None, 10**30)
    assert ENDLESS.shard(1, 3)[4] == ENDLESS[13]
    assert next(iter(ENDLESS - [ENDLESS[0]])) == ENDLESS[1]
    assert next(iter((ENDLESS + FOUR).unique())) == ENDLESS[0]
    assert ENDLESS.where(lambda s: s > 0)[3]["s"] > 0
    assert list(ENDLESS[:4].shuffle(2)) != list(ENDLESS[:4])
    assert sorted(map(hash, ENDLESS[:4].shuffle(2))) == sorted(map(hash, ENDLESS[:4]))


def test_a_finite_part_of_an_endless_domain_can_be_searched():
    part = ENDLESS[:3]
    assert [part.index(config) for config in part] == [0, 1, 2]
    assert ENDLESS[0] in part
    assert ENDLESS[3] not in part
    assert listed(part - part) == []
    assert listed((ENDLESS - part)[:1]) == [ENDLESS[3].to_dict()]


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: ENDLESS.shuffle(), ValueError, "endless domain cannot be shuffled"),
        (lambda: ENDLESS.sample(3), ValueError, "endless"),
        (lambda: ENDLESS @ FOUR, ValueError, "equal finite size, got endless and 4"),
        (lambda: FOUR @ (FOUR + ENDLESS), ValueError, "equal finite size, got 4 and endless"),
        (lambda: len(ENDLESS), TypeError, "endless"),
        (lambda: ENDLESS[-1], IndexError, "endless"),
        (lambda: ENDLESS[::-1], ValueError, "endless"),
        (lambda: ENDLESS[-3:], ValueError, "endless"),
        (lambda: ENDLESS[:-3], ValueError, "endless"),
        (lambda: ENDLESS.to_df(), ValueError, "endless"),
        (lambda: ENDLESS.index({"s": 1.0}), ValueError, "cannot be known"),
        (lambda: FOUR[::0], ValueError, "step of a slice must not be 0"),
        (lambda: FOUR[1.5:], TypeError, "made by ints, got slice"),
        (lambda: FOUR["a":], TypeError, "made by ints"),
        (lambda: FOUR.sample(5), ValueError, "`n` must be at most 4, the number of configs, got 5"),
        (lambda: FOUR.sample(-1), ValueError, "`n` must be a non-negative int, got -1"),
        (lambda: FOUR.sample(True), ValueError, "`n` must be a non-negative int, got True"),
        (lambda: FOUR.sample(2.0), ValueError, "`n` must be a non-negative int"),
        (lambda: FOUR.where(lambda config: False).sample(1), ValueError, "at most 0"),
        (lambda: FOUR.shuffle(-1), ValueError, "`seed` must not be negative"),
        (lambda: FOUR.shuffle("x"), TypeError, "`seed` must be"),
        (lambda: FOUR @ Domain(b=[1, 2]), ValueError, "equal finite size, got 4 and 2"),
        (lambda: FOUR @ Domain(), ValueError, "equal finite size, got 4 and 0"),
        (lambda: FOUR @ Domain(a=range(4)), ValueError, "parameter 'a' is given twice"),
        (lambda: FOUR - 3, TypeError, "unsupported operand"),
        (lambda: FOUR - {"a": 1}, TypeError, "unsupported operand"),
        (lambda: FOUR - "a", TypeError, "unsupported operand"),
        (lambda: FOUR - [3], TypeError, "must be a dict|must be a config|Mapping|got int 3|got 3"),
        (lambda: FOUR.index({"a": 9}), ValueError, r"\{'a': 9\} is not in this domain"),
        (lambda: FOUR.index(3), TypeError, r"got .*3"),
        (lambda: Domain([{"a": 1}, 3]), TypeError, "config number 1 must be a dict, got int 3"),
        (lambda: Domain([{1: 2}]), TypeError, "names of parameters must be str, got 1"),
        (lambda: Domain([{"a": 1}], a=[1]), ValueError, "parameter 'a' is given twice"),
        (lambda: FOUR.with_defaults(3), TypeError, "3"),
        (lambda: FOUR.with_defaults({1: 2}), TypeError, "names of parameters must be str, got 1"),
        (lambda: FOUR.with_defaults({"a/b": 2}), ValueError, "parameter 'a' is given twice"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_name(use, error, message):
    with pytest.raises(error, match=message):
        use()


@pytest.mark.parametrize(
    ("k", "n", "error"),
    [
        (0, 0, ValueError),
        (4, 4, ValueError),
        (-1, 3, ValueError),
        (0, -1, ValueError),
        (True, 2, TypeError),
        (0, 2.0, TypeError),
        ("0", 1, TypeError),
        (None, 1, TypeError),
    ],
)
def test_a_shard_that_there_is_not_is_refused(k, n, error):
    with pytest.raises(error, match=r"must hold, but got k=|`[kn]` must be an int, got"):
        FOUR.shard(k, n)
    assert FOUR.shard(np.int64(1), np.int64(3)) == FOUR.shard(1, 3)


def test_what_is_no_config_is_in_no_domain():
    for other in (3, None, "a", [1], {1: 2}, {"a": 1, "a/b": 2}):
        assert other not in FOUR


def test_configs_may_be_given_one_by_one():
    domain = Domain([{"a": 1}, {"b": "x", "m/y": 2}, {}, {"a": Alias(5, "five")}])
    assert listed(domain) == [{"a": 1}, {"b": "x", "m/y": 2}, {}, {"a": 5}]
    assert domain.names == ("a", "b", "m/y")
    assert domain == Domain(domain) == Domain([Config(a=1), *list(domain)[1:]])
    assert listed(Domain([{"a": 1}], b=[1, 2])) == [{"a": 1, "b": 1}, {"a": 1, "b": 2}]
    assert Domain([]) == Domain()
    assert [domain.index(config) for config in domain] == [0, 1, 2, 3]
    assert domain.index({"m": {"y": 2}, "b": "x"}) == 1
    given = [{"a": [1]}]
    domain = Domain(given)
    given[0]["a"].append(2)
    domain[0]["a"].append(3)
    assert listed(domain) == [{"a": [1]}]


def test_differences_are_by_identity_and_in_the_order_of_the_first():
    domain = Domain(a=[1, 1.0, True, 2, 1, "1"])
    assert [type(config["a"]) for config in domain.unique()] == [int, float, bool, int, str]
    assert [config["a"] for config in domain - [{"a": 1}]] == [1.0, True, 2, "1"]
    assert listed(Domain(a=[3, 1, 2, 3]) - Domain(a=[1]) - [{"a": 9}]) == [{"a": 3}, {"a": 2}]
    assert listed(FOUR - (config for config in FOUR[1:])) == [{"a": 0}]
    assert listed(FOUR - []) == listed(FOUR)
    drawn = FOUR * ENDLESS
    assert listed(drawn - drawn[1:3]) == [drawn[0].to_dict(), drawn[3].to_dict()]
    assert listed(drawn - FOUR) == listed(drawn)


def test_defaults_fill_what_is_missing_and_are_no_part_of_the_identity():
    old = Domain(a=[1, 2]) * ENDLESS
    new = (Domain(a=[1, 2], b=[10, 20]) * ENDLESS).with_defaults(b=10)
    shown = old.with_defaults({"b": 10}, c=3)
    assert [config["b"] for config in shown] == [10, 10]
    assert [config.hash() for config in shown] == [config.hash() for config in old]
    assert [config["s"] for config in shown] == [config["s"] for config in old]
    assert [config in old for config in new] == [True, False, True, False]
    assert listed(old - new) == []
    assert [config["b"] for config in new - old] == [20, 20]
    for config in shown:
        assert config in old and config.to_dict() in shown and {"a": config["a"], "s": config["s"]} in shown
    assert listed(FOUR.with_defaults()) == listed(FOUR)
    assert listed(FOUR.with_defaults({"x/y": 1}))[0] == {"a": 0, "x/y": 1}
    assert listed(Domain([{"a": 1}, {"b": 2}]).with_defaults(b=0)) == [{"a": 1, "b": 0}, {"b": 2}]
    assert Domain(a=range(10**9)).with_defaults(b=1)[-2:][0] == {"a": 10**9 - 2}


def test_a_default_given_first_stays():
    twice = FOUR.with_defaults(b=1).with_defaults(b=2)
    assert listed(twice) == listed(FOUR[:].with_defaults(b=1)[:].with_defaults(b=2))
    assert [config.hash() for config in twice] == [config.hash() for config in FOUR]
    assert {config["b"] for config in twice} == {1}
