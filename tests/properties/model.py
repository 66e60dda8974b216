"""Domains as plain lists of configs, made beside the library's from the same expressions."""

from __future__ import annotations

import inspect
import zlib
from dataclasses import dataclass
from functools import cache, reduce
from operator import mul

from research import Alias, Domain
from samplers import NumpySampler, ScipySampler

LISTED = ("a", "b", "c", "d", "m/x", "m/y")
SAMPLERS = {
    "s": NumpySampler("normal"),
    "t": NumpySampler("integers", low=0, high=3),
    "u": ScipySampler("uniform", seed=5),
    "v": NumpySampler("uniform", dim=2),
}
NAMESPACE = {
    "Domain": Domain,
    "Alias": Alias,
    "NumpySampler": NumpySampler,
    "ScipySampler": ScipySampler,
}


@dataclass(frozen=True)
class Drawn:
    """A value to be drawn: its number in an endless sequence, if it has one; its value, once known."""

    position: int | None = None
    value: object = None


@dataclass(frozen=True)
class Keep:
    """A predicate on named parameters, or on the whole config; says no to one in `modulus`."""

    names: tuple[str, ...]
    modulus: int
    rest: int

    @property
    def __signature__(self):
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        names = self.names or ("config",)
        return inspect.Signature([inspect.Parameter(name, kind) for name in names])

    def __call__(self, config=None, **values):
        if config is not None:
            values = dict(config.items())
        return zlib.crc32(repr(sorted(values.items())).encode()) % self.modulus != self.rest


NAMESPACE["Keep"] = Keep


def leaves(items):
    """Return typed values by path, groups taken apart."""
    found = {}
    for name, value in items.items():
        if type(value) is dict and value:
            found |= {f"{name}/{path}": leaf for path, leaf in leaves(value).items()}
        else:
            found[name] = (type(value).__name__, repr(value))
    return found


class Item:
    """A config in the making: values by name, and the defaults that are no part of its identity."""

    def __init__(self, items, defaults=None):
        self.items = dict(items)
        self.defaults = dict(defaults or {})

    def __or__(self, other):
        return Item({**self.items, **other.items}, {**self.defaults, **other.defaults})

    def filled(self, defaults):
        """Return it with values for what it lacks."""
        missing = {name: value for name, value in defaults.items() if name not in self.items}
        return Item({**self.items, **missing}, {**self.defaults, **defaults})

    def identity(self, items):
        """Return parameters less those that have their defaults."""
        texts = {name: leaves({name: value}) for name, value in self.defaults.items()}
        return {name: value for name, value in items.items() if leaves({name: value}) != texts.get(name)}

    def values(self):
        """Return the config with its draws."""
        drawn = {name: value for name, value in self.items.items() if isinstance(value, Drawn)}
        if not drawn:
            return self.items
        listed = self.identity({name: value for name, value in self.items.items() if name not in drawn})
        pending = tuple(sorted((name, value.position) for name, value in drawn.items()))
        made = draws(tuple(sorted(listed)), pending, Same(listed))
        return {
            name: item if name not in drawn else made[name] if item.value is None else item.value
            for name, item in self.items.items()
        }

    def key(self):
        """Return what makes it the same config as another."""
        return tuple(sorted(leaves(self.identity(self.values())).items()))

    def frozen(self):
        """Return it with draws that depend on nothing that is added."""
        values = self.values()
        items = {
            name: Drawn(value.position, values[name]) if isinstance(value, Drawn) else value
            for name, value in self.items.items()
        }
        return Item(items, self.defaults)


class Same:
    """Values by name, equal to others of the same types."""

    def __init__(self, values):
        self.values = values
        self._key = tuple(sorted(leaves(values).items()))

    def __eq__(self, other):
        return self._key == other._key

    def __hash__(self):
        return hash(self._key)


@cache
def draws(names, pending, listed):
    """Let the library draw what belongs to a config, in a domain that holds nothing else."""
    factors = [Domain({name: SAMPLERS[name]})[at : at + 1] for name, at in pending if at is not None]
    factors += [Domain({name: [listed.values[name]]}) for name in names]
    factors += [Domain({name: SAMPLERS[name]}) for name, at in pending if at is None]
    return dict(reduce(mul, factors)[0].items())


class Product:
    """A list of items, less those that fail conditions which read drawn values; perhaps with a weight."""

    def __init__(self, items, names, weight=None, conditions=(), is_volatile=False, drawn=()):
        self.items = list(items)
        self.names = tuple(names)
        self.weight = weight
        self.conditions = tuple(conditions)
        self.drawn = frozenset(drawn)
        self.is_volatile = is_volatile or bool(self.conditions)

    def freeze(self):
        """Let draws depend on nothing that is added."""
        self.items = [item.frozen() for item in self.items]
        self.is_volatile = True

    def left(self):
        """Return the items that meet all conditions."""
        return [item for item in self.items if all(holds(item, *how) for how in self.conditions)]


def holds(item, keep, scope):
    """Ask a predicate about an item."""
    values = item.values()
    return keep(**{name: values[name] for name in (keep.names or scope) if name in values})


class Model:
    """A sum of products."""

    def __init__(self, products):
        self.products = list(products)
        self.names = tuple(dict.fromkeys(name for product in self.products for name in product.names))

    @property
    def is_volatile(self):
        """Whether draws decide which configs there are."""
        return any(product.is_volatile for product in self.products)

    @property
    def drawn(self):
        """Names of drawn parameters."""
        return frozenset().union(*(product.drawn for product in self.products))

    def listed(self):
        """List all items, neighbouring weighted products in turn; None where an empty one takes part."""
        items, block = [], []
        if any(one.weight is not None for one in self.products) and not all(
            one.left() for one in self.products
        ):
            return None
        for product in [*self.products, None]:
            if product is not None and product.weight is not None:
                block.append(product)
                continue
            parts = [part.left() for part in block]
            items += [parts[part][number] for part, number in turns(block, parts)]
            block = []
            items += product.left() if product is not None else []
        return items

    def __add__(self, other):
        return Model(self.products + other.products)

    def __mul__(self, other):
        return Model([times(left, right) for left in self.products for right in other.products])

    def weighed(self, weight):
        """Multiply all weights."""
        weights = [weight * (1 if product.weight is None else product.weight) for product in self.products]
        return Model(
            Product(one.items, one.names, new, one.conditions, one.is_volatile, one.drawn)
            for one, new in zip(self.products, weights, strict=True)
        )

    def view(self, choose, is_frozen=False):
        """Return some of the items, as one product."""
        items = self.listed()
        if items is None:
            return None
        is_volatile = self.is_volatile or (is_frozen and bool(self.drawn))
        chosen = choose(items)
        if is_volatile:
            chosen = [item.frozen() for item in chosen]
        return Model([Product(chosen, self.names, None, (), is_volatile, self.drawn)])

    def where(self, keep):
        """Keep what a predicate says yes to."""
        return Model([only(product, keep) for product in self.products])

    def with_defaults(self, defaults):
        """Fill in what is missing."""
        return Model(
            Product(
                [item.filled(defaults) for item in one.items],
                dict.fromkeys([*one.names, *defaults]),
                *(one.weight, one.conditions, one.is_volatile, one.drawn),
            )
            for one in self.products
        )


def times(left, right):
    """Return the product of products."""
    weights = [part.weight for part in (left, right) if part.weight is not None]
    return Product(
        [one | other for one in left.items for other in right.items],
        left.names + right.names,
        reduce(mul, weights) if weights else None,
        left.conditions + right.conditions,
        left.is_volatile or right.is_volatile,
        left.drawn | right.drawn,
    )


def only(product, keep):
    """Add a condition: at once, or where it reads drawn values, to what it will be a part of."""
    reads = set(keep.names or product.names)
    if reads & product.drawn:
        conditions = (*product.conditions, (keep, product.names))
        return Product(product.items, product.names, product.weight, conditions, True, product.drawn)
    kept = [item for item in product.items if holds(item, keep, product.names)]
    return Product(
        kept, product.names, product.weight, product.conditions, product.is_volatile, product.drawn
    )


def turns(block, parts):
    """Return pairs (part, number) in the order that weights give lists of these lengths."""
    if len(parts) < 2:
        return [(0, number) for number in range(sum(map(len, parts)))]
    domains = [
        product.weight * Domain(part=[number], number=range(len(items)))
        for number, (product, items) in enumerate(zip(block, parts, strict=True))
    ]
    order = [(config["part"], config["number"]) for config in reduce(Domain.__add__, domains)]
    for part, items in enumerate(parts):
        assert [number for at, number in order if at == part] == list(range(len(items)))
    return order


def shuffled(items, seed):
    """Return items in the order that a seed gives any list of this length."""
    order = [config["at"] for config in Domain(at=range(len(items))).shuffle(seed)]
    assert sorted(order) == list(range(len(items)))
    return [items[at] for at in order]


def first(items, others=()):
    """Return items that did not come before, nor among others."""
    seen = {item.key() for item in others}
    kept = []
    for item in items:
        if item.key() not in seen:
            seen.add(item.key())
            kept.append(item)
    return kept
