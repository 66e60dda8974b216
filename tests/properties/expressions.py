"""Random expressions of domains, each as the library's Domain and as a model that lists everything."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from research import Alias, Domain
from tests.properties.model import SAMPLERS, Drawn, Item, Keep, Model, Product, first, shuffled

LISTED = ("a", "b", "c", "d", "m/x", "m/y")
MOST = 40  # configs in an expression
UNITS = st.sampled_from([(Domain(), Model([])), (Domain({}), Model([Product([Item({})], ())]))])
VALUES = st.lists(
    st.integers(0, 2) | st.sampled_from(["x", None, 1.0, True, (1, 2), Alias(2, "two"), [1], 10**30]),
    min_size=1,
    max_size=3,
)
ENDS = st.none() | st.integers(-4, 7)
SEEDS = st.integers(0, 5)
WEIGHTS = st.sampled_from([0.25, 0.5, 1, 3])
VIEWS = ("slice", "shuffle", "sample", "shard", "unique", "minus", "where", "defaults", "weight")


@st.composite
def options(draw):
    """Draw a few values of one parameter, beside which there may be a sampler."""
    name, values = draw(st.sampled_from(LISTED)), draw(VALUES)
    plain = [value.value if isinstance(value, Alias) else value for value in values]
    domain, model = Domain({name: values}), Model([Product([Item({name: value}) for value in plain], [name])])
    for other in draw(st.sets(st.sampled_from("stv"), max_size=1)):
        drawn = Domain({other: SAMPLERS[other]})
        beside = Model([Product([Item({other: Drawn()})], [other], drawn=other)])
        if draw(st.booleans()):
            domain, model = drawn * domain, beside * model
        else:
            domain, model = domain * drawn, model * beside
    return domain, model


@st.composite
def configs_one_by_one(draw):
    """Draw configs that have parameters of their own."""
    each = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=2)
    configs = draw(st.lists(each, min_size=1, max_size=3))
    names = dict.fromkeys(name for config in configs for name in config)
    return Domain(configs), Model([Product(map(Item, configs), names)])


@st.composite
def some_draws(draw):
    """Draw a few configs of an endless domain."""
    start, n_items, step = (draw(st.integers(low, 3)) for low in (0, 1, 1))
    numbers = range(start, start + n_items * step, step)
    items = [Item({"u": Drawn(number)}) for number in numbers]
    return Domain(u=SAMPLERS["u"])[start : numbers.stop : step], Model([Product(items, "u", drawn="u")])


def sliced(draw, domain, model, items):
    step = draw(st.none() | st.sampled_from([-3, -2, -1, 1, 2, 3]))
    part = slice(draw(ENDS), draw(ENDS), step)
    return domain[part], model.view(lambda items: items[part])


def permuted(draw, domain, model, items):
    seed = draw(SEEDS)
    return domain.shuffle(seed), model.view(lambda items: shuffled(items, seed))


def sampled(draw, domain, model, items):
    n, seed = draw(st.integers(0, len(items))), draw(SEEDS)
    return domain.sample(n, seed), model.view(lambda items: shuffled(items, seed)[:n])


def sharded(draw, domain, model, items):
    n = draw(st.integers(1, 4))
    k = draw(st.integers(0, n - 1))
    return domain.shard(k, n), model.view(lambda items: items[k::n])


def made_unique(draw, domain, model, items):
    return domain.unique(), model.view(first, is_frozen=True)


def reduced(draw, domain, model, items):
    others = [item for item in items if draw(st.booleans())]
    return (
        domain - [item.identity(item.values()) for item in others],
        model.view(lambda items: first(items, others), is_frozen=True),
    )


def filtered(draw, domain, model, items):
    wholes = [*(item.items for item in items), *(product.names for product in model.products)]
    common = [name for name in "abcdstuv" if wholes and all(name in whole for whole in wholes)]
    names = draw(st.sets(st.sampled_from(common), max_size=2)) if common else ()
    keep = Keep(tuple(sorted(names)), draw(st.integers(2, 4)), draw(st.integers(0, 1)))
    return domain.where(keep), model.where(keep)


def filled(draw, domain, model, items):
    given = {name for product in model.products for item in product.items for name in item.defaults}
    name = draw(st.sampled_from([name for name in ("a", "b", "e", "m/x") if name not in given]))
    defaults = {name: draw(st.integers(0, 2))}
    return domain.with_defaults(defaults), model.with_defaults(defaults)


def weighed(draw, domain, model, items):
    weight = draw(WEIGHTS)
    return draw(st.sampled_from([weight * domain, domain * weight])), model.weighed(weight)


VIEW = dict(
    zip(
        VIEWS,
        (sliced, permuted, sampled, sharded, made_unique, reduced, filtered, filled, weighed),
        strict=True,
    )
)


def combine(parts):
    """Apply an operator to two domains, or make sure that it is refused; then take the first alone."""
    (left, left_model), (right, right_model), operator = parts
    made = None
    if operator == "+":
        made = left + right, left_model + right_model
    elif operator == "weighted sum":
        made = 0.25 * left + 3 * right, left_model.weighed(0.25) + right_model.weighed(3)
    elif operator == "-":
        others = right_model.listed()
        made = left - right, left_model.view(lambda items: first(items, others), is_frozen=True)
        if right_model.drawn or right_model.is_volatile:
            made[1].products[0].freeze()
    elif set(left.names) & set(right.names):
        pass
    elif operator == "*":
        made = left * right, left_model * right_model
    elif not left_model.is_volatile and not right_model.is_volatile:
        made = side_by_side(left, right, left_model, right_model)
    return settled(made) or (left, left_model)


def side_by_side(left, right, left_model, right_model):
    """Take as many of each as there are of both."""
    lefts, rights = left_model.listed(), right_model.listed()
    n = min(len(lefts), len(rights))
    if len(lefts) != len(rights):
        with pytest.raises(ValueError, match=f"equal finite size, got {len(lefts)} and {len(rights)}"):
            left @ right
        if not n:
            return None
        left, left_model = left[:n], left_model.view(lambda items: items[:n])
        right, right_model = right[:n], right_model.view(lambda items: items[:n])
    items = [one | other for one, other in zip(lefts[:n], rights[:n], strict=True)]
    drawn = left_model.drawn | right_model.drawn
    return left @ right, Model([Product(items, left_model.names + right_model.names, drawn=drawn)])


def settled(made):
    """Return a pair without empty products, or None where the model does not know of them what it must."""
    if made is None or made[1] is None:
        return None
    domain, model = made
    empty = [product for product in model.products if not product.items]
    if empty:
        if (
            domain.len is None
            or model.is_volatile
            or any(product.weight is not None for product in model.products)
        ):
            return None
        model = Model([product for product in model.products if product.items])
    items = model.listed()
    return None if items is None or len(items) > MOST else (domain, model)


LEAVES = options() | options() | options() | configs_one_by_one() | some_draws() | UNITS


@st.composite
def expressions(draw, depth=3):
    """Draw a domain of any form, to which operators are applied one after another."""
    pair = draw(LEAVES)
    for step in draw(st.lists(st.sampled_from(STEPS), max_size=4)):
        if step in VIEW:
            domain, model = pair
            pair = settled(VIEW[step](draw, domain, model, model.listed())) or pair
        else:
            other = draw(expressions(depth - 1) if depth else LEAVES)
            sides = (pair, other) if draw(st.booleans()) else (other, pair)
            pair = combine((*sides, step))
    return pair


STEPS = (*"++***@-", "weighted sum", "weighted sum", *VIEWS)
DOMAINS = expressions()
