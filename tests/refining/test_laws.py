"""Laws of breeding, for any space."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from research import Bool, Choice, Domain, Float, Int, Ordinal
from research.refining.breeding import Brood, Parent, Recipe
from research.refining.spaces import read_space

seeds = st.integers(0, 2**32)
options = st.lists(st.text(max_size=3) | st.integers(-5, 5), min_size=1, max_size=5, unique_by=repr)
small_ints = st.builds(lambda low, n: Int(low, low + n), st.integers(-9, 9), st.integers(0, 8))
finite = small_ints | options.map(Choice) | options.map(Ordinal) | st.just(Bool()) | options
numbers = st.builds(lambda low, n: Float(low, low + n), st.floats(-9, 9), st.floats(0.1, 9))
logs = st.just(Float(1e-6, 1, log=True)) | st.just(Int(1, 10**6, log=True)) | st.just(Int(-100, 100, step=10))
names = st.text("abcdefgh", min_size=1, max_size=2)
spaces = st.dictionaries(names, finite | numbers | logs, min_size=1, max_size=5)
small = st.dictionaries(names, finite, min_size=1, max_size=3)


def is_allowed(config):
    """Half of all configs, which have nothing in common."""
    return int(config.hash(), 16) % 2 == 0


def recipe(**changes):
    how = {
        "children": 12,
        "selection": "tournament",
        "crossover": 0.9,
        "mutation": None,
        "elite": 1,
        "immigrants": 1,
        "constraints": (),
        "is_fixed": lambda gene: False,
    }
    return Recipe(**{**how, **changes})


def brood(domain, seed, known=(), **changes):
    """Breed from a few configs of a domain that are drawn."""
    species = read_space(domain)
    rng = np.random.default_rng(seed)
    pool = [Parent(f"id{number}", species[0], species[0].draw(rng)) for number in range(6)]
    made = Brood(species, pool, pool, recipe(**changes), rng, set(known))
    return [config for config, _ in made.children()], [species[0].config(parent.genome) for parent in pool]


def belongs(kind, value):
    if isinstance(kind, list):
        return any(type(value) is type(option) and value == option for option in kind)
    if isinstance(kind, Float):
        return type(value) is float and kind.low <= value <= kind.high
    if isinstance(kind, Int):
        return type(value) is int and kind.low <= value <= kind.high and (value - kind.low) % kind.step == 0
    return any(value is option for option in kind.options)


@given(spaces, seeds, st.sampled_from(["tournament", "truncation"]), st.none() | st.floats(0, 1))
def test_children_are_within_bounds_of_the_right_type_and_each_is_new(space, seed, selection, mutation):
    known = {config.canonical for config in brood(Domain(space), seed)[1]}
    children, _ = brood(Domain(space), seed, known, selection=selection, mutation=mutation)
    for child in children:
        assert all(belongs(space[name], value) for name, value in child.items())
        assert set(child) == set(space)
    canonicals = [child.canonical for child in children]
    assert len(set(canonicals)) == len(canonicals) and known.isdisjoint(canonicals)


@given(spaces, seeds)
def test_constraints_hold_for_every_child(space, seed):
    assume(any(isinstance(kind, Float) for kind in space.values()))  # so that some are allowed
    children, _ = brood(Domain(space), seed, constraints=(is_allowed,))
    assert len(children) == 12 and all(map(is_allowed, children))


@given(spaces, seeds)
def test_the_same_seed_gives_the_same_children(space, seed):
    first, again = (brood(Domain(space), seed)[0] for _ in range(2))
    assert [child.canonical for child in first] == [child.canonical for child in again]


@given(spaces, seeds, st.data())
def test_what_is_fixed_is_that_of_a_parent(space, seed, data):
    fixed = data.draw(st.sets(st.sampled_from(sorted(space))))
    children, parents = brood(Domain(space), seed, is_fixed=lambda gene: not fixed.isdisjoint(gene.names))
    kept = {tuple(repr(parent[name]) for name in sorted(fixed)) for parent in parents}
    assert all(tuple(repr(child[name]) for name in sorted(fixed)) in kept for child in children)


@settings(max_examples=25)
@given(small, seeds, st.sampled_from([(), (is_allowed,)]))
def test_of_a_small_space_everything_allowed_is_bred_in_the_end(space, seed, constraints):
    every = {
        config.canonical
        for config in Domain(
            {name: kind if isinstance(kind, list) else _values(kind) for name, kind in space.items()}
        )
        if all(test(config) for test in constraints)
    }
    assume(every)
    known: set[str] = set()
    while True:
        children, parents = brood(Domain(space), seed, known, constraints=constraints, children=40)
        known |= {config.canonical for config in [*children, *parents]}  # parents have been run
        seed += 1
        if not children:
            break
    assert known >= every


def _values(kind):
    return [kind.value(number) for number in range(kind.n_values)]


@settings(max_examples=10)
@given(seeds)
def test_every_int_and_every_option_is_reached_from_anywhere(seed):
    space = {
        "n": Int(-6, 6),
        "m": Int(1, 64, log=True),
        "kind": Choice(["pqrst", "u", "v", "w"]),
        "x": Float(0, 1),
    }
    found = {name: set() for name in space}
    for number in range(60):
        children, _ = brood(Domain(space), seed + number, children=20)
        for child in children:
            for name, value in child.items():
                found[name].add(value)
    assert found["n"] == set(range(-6, 7))
    assert found["kind"] == {"pqrst", "u", "v", "w"}
    assert len(found["m"]) > 55
