"""The laws of the algebra, against a model that simply lists everything."""

from __future__ import annotations

import contextlib
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research import Domain
from samplers import NumpySampler

NAMES = st.sampled_from("abcdef")
VALUES = st.lists(st.integers(0, 3) | st.sampled_from(["x", None, 1.5]), max_size=3)


class Model:
    """A domain as lists of configs, one list for each product of its normal form."""

    def __init__(self, products, names=()):
        self.products = [list(map(dict, product)) for product in products]
        self.names = set(names)

    @property
    def configs(self):
        return [config for product in self.products for config in product]

    def __add__(self, other):
        return Model(self.products + other.products, self.names | other.names)

    def __mul__(self, other):
        products = [
            [{**left, **right} for left in lefts for right in rights]
            for lefts in self.products
            for rights in other.products
        ]
        return Model(products, self.names | other.names)

    def __matmul__(self, other):
        pairs = zip(self.configs, other.configs, strict=True)
        return Model([[{**left, **right} for left, right in pairs]], self.names | other.names)

    def repeated(self, n_items, n_reps, repeat_each):
        """List (config number, repetition) the way the settings say it, the slow way."""
        if not self.configs:
            return []
        numbers = list(range(len(self.configs) if n_items is None else n_items))
        group = repeat_each or len(self.configs)
        made = []
        while numbers:
            head, numbers = numbers[:group], numbers[group:]
            made += [(number % len(self.configs), rep) for rep in range(n_reps) for number in head]
        return made


@st.composite
def options(draw):
    name = draw(NAMES)
    values = draw(VALUES)
    return Domain({name: values}), Model([[{name: value} for value in values]], {name})


@st.composite
def units(draw):
    return draw(st.sampled_from([(Domain(), Model([])), (Domain({}), Model([[{}]]))]))


def combined(pairs):
    return st.tuples(pairs, pairs, st.sampled_from("+*@")).map(combine).filter(lambda pair: pair is not None)


def combine(parts):
    (left, left_model), (right, right_model), operator = parts
    if operator == "+":
        return left + right, left_model + right_model
    if left_model.names & right_model.names:
        return None
    if operator == "*":
        return left * right, left_model * right_model
    if len(left_model.configs) != len(right_model.configs):
        with pytest.raises(ValueError, match=f"got {len(left_model.configs)} and {len(right_model.configs)}"):
            left @ right
        return None
    return left @ right, left_model @ right_model


DOMAINS = st.recursive(options() | units(), combined, max_leaves=6)


def listed(domain):
    return [dict(config.items()) for config in domain]


def typed(configs):
    return [{key: (type(value), value) for key, value in config.items()} for config in configs]


@given(DOMAINS)
def test_a_domain_is_what_the_model_lists(pair):
    domain, model = pair
    assert domain.len == len(domain) == domain.size == len(model.configs)
    assert bool(domain) == bool(model.configs)
    assert typed(listed(domain)) == typed(model.configs)
    indexed = [dict(domain[index].items()) for index in range(domain.len)]
    assert typed(indexed) == typed(model.configs)
    backwards = [dict(domain[-index - 1].items()) for index in range(domain.len)]
    assert typed(backwards) == typed(model.configs[::-1])
    for index in (domain.len, -domain.len - 1):
        with pytest.raises(IndexError):
            domain[index]


@given(DOMAINS)
def test_a_domain_is_rebuilt_from_its_text(pair):
    domain, _ = pair
    again = eval(repr(domain), {"Domain": Domain})
    assert again == domain
    assert hash(again) == hash(domain)
    assert typed(listed(again)) == typed(listed(domain))


@given(DOMAINS, DOMAINS, DOMAINS)
def test_sums_and_products_are_associative_and_distribute(one, two, three):
    (a, _), (b, _), (c, _) = one, two, three
    assert (a + b) + c == a + (b + c)
    names = [set(domain.names) for domain in (a, b, c)]
    if names[0] & names[1] or names[0] & names[2]:
        return
    by_text = sorted(map(str, listed(a * (b + c))))
    assert by_text == sorted(map(str, listed(a * b + a * c)))
    assert listed((b + c) * a) == listed(b * a + c * a)
    if not names[1] & names[2]:
        assert (a * b) * c == a * (b * c)


@given(options(), DOMAINS, DOMAINS)
def test_a_product_of_options_with_a_sum_is_the_sum_of_products_in_order(one, two, three):
    (c, _), (p, _), (q, _) = one, two, three
    if not set(c.names) & {*p.names, *q.names}:
        assert c * (p + q) == c * p + c * q


@given(DOMAINS)
def test_the_units_of_sum_and_product(pair):
    domain, _ = pair
    assert domain + Domain() == Domain() + domain == domain
    assert domain * Domain({}) == Domain({}) * domain == domain
    assert domain * Domain() == Domain() * domain == Domain()


@given(DOMAINS, DOMAINS)
def test_operators_leave_their_operands_alone(one, two):
    (a, _), (b, _) = one, two
    before = repr(a), repr(b), listed(a), listed(b)
    _ = a + b
    for operate in (lambda: a * b, lambda: a @ b):
        with contextlib.suppress(ValueError):
            operate()
    assert (repr(a), repr(b), listed(a), listed(b)) == before


@given(DOMAINS, st.none() | st.integers(1, 20), st.integers(1, 4), st.none() | st.integers(1, 7))
def test_repetitions_come_group_after_group(pair, n_items, n_reps, repeat_each):
    domain, model = pair
    domain.set_iter_params(n_items=n_items, n_reps=n_reps, repeat_each=repeat_each)
    expected = model.repeated(n_items, n_reps, repeat_each)
    walk = domain.walk()
    assert domain.size == walk.size == len(expected)
    assert domain.len * n_reps == len(expected)
    places = [walk.place(number) for number in range(len(expected))]
    assert [(place.position, place.repetition) for place in places] == expected
    items = list(domain.iterator)
    assert [item["repetition"] for item in items] == [repetition for _, repetition in expected]
    lengths = [len(model.configs[number]) for number, _ in expected]
    assert [len(item.config()) - 2 for item in items] == lengths
    assert typed(listed(domain)) == typed(model.configs)


@given(st.integers(0, 10**30), st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
def test_any_config_of_any_grid_is_decoded_at_once(number, sizes):
    domain = Domain({f"p{place}": range(size) for place, size in enumerate(sizes)})
    number %= domain.len
    encoded = 0
    for size, digit in zip(sizes, domain[number].values(), strict=True):
        encoded = encoded * size + digit
    assert encoded == number


def test_a_grid_of_ten_to_the_27_is_a_domain_like_any_other():
    domain = Domain(a=range(10**9), b=range(10**9), c=range(10**9))
    assert domain.len == 10**27
    assert type(domain.len) is int
    assert domain[10**26] == {"a": 10**8, "b": 0, "c": 0}
    assert domain[-1] == {"a": 10**9 - 1, "b": 10**9 - 1, "c": 10**9 - 1}
    with pytest.raises(OverflowError, match=r"use `domain\.len`"):
        len(domain)
    assert domain


def test_values_are_kept_as_they_are():
    values = np.array([1, 2])
    domain = Domain(a=values, b=(1, 2))
    values[0] = 7
    assert listed(domain)[0] == {"a": 1, "b": 1}
    assert Domain(a=range(3)) == Domain(a=[0, 1, 2]) == Domain(a=np.arange(3))
    assert len({Domain(a=range(3)), Domain(a=(0, 1, 2))}) == 1
    assert Domain(a=[1]) != Domain(a=[1.0])
    assert Domain(a=[1]) * Domain(b=[1]) != Domain(b=[1]) * Domain(a=[1])


def test_walking_starts_afresh_and_consumes_nothing():
    domain = Domain(a=[1, 2, 3])
    first = next(domain)
    assert first["a"] == 1
    assert [config["a"] for config in domain] == [1, 2, 3]
    assert [item["a"] for item in domain.iterator] == [2, 3]
    with pytest.raises(StopIteration):
        next(domain)


def test_items_produced_before_are_not_produced_again():
    domain = Domain(a=[1, 2]).set_iter_params(n_reps=2, produced=3, additional=False)
    assert [item.config() for item in domain.iterator] == [{"a": 2}]


def test_an_endless_domain_goes_on():
    domain = Domain(a=[1, 2]) + Domain(s=NumpySampler("n"))
    assert domain.len is None and domain.size is None and domain
    assert [len(config) for config in islice(domain, 5)] == [1] * 5
    assert len({config["s"] for config in islice(domain, 2, 100)}) == 98
    domain.set_iter_params(n_items=4, n_reps=2)
    assert domain.size == 8
    with pytest.raises(IndexError, match="endless"):
        domain[-1]
    with pytest.raises(TypeError, match="endless"):
        len(domain.set_iter_params())
