"""Functions that a domain keeps for the study that will walk it."""

from __future__ import annotations

import copy
import pickle

import pytest

from research import Domain


def further(results=None):
    return None


def told(domain):
    return [(given.function, given.when, dict(given.numbers)) for given in domain.replacements]


def test_it_returns_the_domain_and_adds_to_what_was_told_before():
    domain = Domain(a=[1, 2])
    assert domain.set_update(further) is domain
    assert (
        domain.set_update(max, ["%5", 8], n_items=3, n_reps=2, repeat_each=1, wait=False, key=abs) is domain
    )
    assert told(domain) == [
        (further, "last", {}),
        (max, ["%5", 8], {"n_items": 3, "n_reps": 2, "repeat_each": 1}),
    ]
    last = domain.replacements[1]
    assert (last.wait, last.kwargs) == (False, {"key": abs})


def test_it_is_no_part_of_the_value_and_changes_no_walk():
    plain, domain = Domain(a=[1, 2]), Domain(a=[1, 2]).set_update(further)
    assert domain == plain
    assert hash(domain) == hash(plain)
    assert repr(domain) == repr(plain)
    assert list(domain.iterator) == list(plain.iterator)
    assert (domain.len, domain.size) == (2, 2)


def test_setting_how_a_domain_is_walked_leaves_it():
    domain = Domain(a=[1, 2]).set_update(further).set_iter_params(n_reps=2)
    assert told(domain) == [(further, "last", {})]
    assert domain.set_update(max).size == 4


@pytest.mark.parametrize(
    "view",
    [
        lambda domain: domain[1:],
        lambda domain: domain.shuffle(1),
        lambda domain: domain.sample(2),
        lambda domain: domain.shard(0, 2),
        lambda domain: domain.unique(),
        lambda domain: domain.where(lambda a: a > 1),
        lambda domain: domain.where(lambda a, b: a > b),
        lambda domain: domain - [{"a": 1}],
        lambda domain: domain.with_defaults(b=1),
        lambda domain: 0.5 * domain,
    ],
    ids=[
        "slice",
        "shuffle",
        "sample",
        "shard",
        "unique",
        "filter",
        "filter of two",
        "rest",
        "default",
        "weight",
    ],
)
def test_views_have_it_and_leave_their_origin_alone(view):
    domain = Domain(a=[1, 2, 3], b=[1]).set_update(further)
    shown = view(domain)
    assert told(shown) == [(further, "last", {})]
    shown.set_update(max)
    assert len(told(domain)) == 1


@pytest.mark.parametrize(
    "combine",
    [
        lambda domain: domain + Domain(a=[3, 4]),
        lambda domain: Domain() + domain,
        lambda domain: domain * Domain(b=[1]),
        lambda domain: domain @ Domain(b=[3, 4]),
        lambda domain: Domain(domain),
        lambda domain: domain.without_replacements(),
    ],
    ids=["sum", "sum with nothing", "product", "zip", "Domain(domain)", "without"],
)
def test_what_is_made_of_several_domains_has_none(combine):
    domain = Domain(a=[1, 2]).set_update(further)
    assert told(combine(domain)) == []
    assert len(told(domain)) == 1


def test_without_it_a_domain_is_walked_as_before():
    domain = Domain(a=[1, 2]).set_iter_params(n_reps=2, seed=3).set_update(further)
    other = domain.without_replacements()
    assert (other, other.size, other.seed) == (domain, 4, 3)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda item: pickle.loads(pickle.dumps(item))]
)
def test_copies_have_it(duplicate):
    domain = Domain(a=[1, 2]).set_update(max, 2, n_reps=3)
    assert told(duplicate(domain)) == told(domain)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"function": None}, TypeError, "`function` must be callable, got NoneType None"),
        ({"n_items": 0}, ValueError, "`n_items` must be a positive int or None, got 0"),
        ({"n_reps": 1.5}, ValueError, "`n_reps`"),
        ({"repeat_each": -1}, ValueError, "`repeat_each`"),
        ({"wait": "yes"}, TypeError, "`wait` must be a bool, got 'yes'"),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_named_and_nothing_is_kept(arguments, error, text):
    domain = Domain(a=[1, 2])
    with pytest.raises(error, match=text):
        domain.set_update(**{"function": further, **arguments})
    assert domain.replacements == ()
