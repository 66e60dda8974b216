"""Whatever is added to a domain, or cut from it: what was there keeps its draws and its identity."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research import Domain
from samplers import NumpySampler, ScipySampler
from tests.properties.expressions import DOMAINS
from tests.properties.model import SAMPLERS, leaves

DRAWS = Domain(
    s=NumpySampler("normal"), t=ScipySampler("loguniform", a=1e-3, b=1), u=NumpySampler("u", dim=2)
)
BASE = Domain(a=[1, 2, 3], b=["x", None]) * DRAWS
LARGER = {
    "another value": lambda: Domain(a=[0, 3, 2, 4, 1], b=["y", "x", None]) * DRAWS,
    "a summand before": lambda: Domain(a=[7]) * DRAWS + BASE,
    "a summand behind": lambda: BASE + DRAWS,
    "weights": lambda: 0.3 * Domain(c=range(50)) + 0.7 * BASE,
    "repeats": lambda: BASE + BASE,
    "defaults": lambda: BASE.with_defaults(c=5),
    "a parameter with a default": lambda: (BASE * Domain(c=[4, 5])).with_defaults(c=5),
    "the samplers first": lambda: DRAWS * Domain(b=["x", None]) * Domain(a=[1, 2, 3]),
    "configs one by one": lambda: Domain([{"a": a, "b": b} for a in (3, 2, 1) for b in ("x", None)]) * DRAWS,
    "side by side": lambda: Domain(a=[1, 1, 2, 2, 3, 3]) @ Domain(b=["x", None] * 3) * DRAWS,
    "nothing": lambda: BASE * Domain({}) + Domain(),
}
PARTS = {
    "slice": lambda domain: domain[1:5],
    "slice backwards": lambda domain: domain[::-2],
    "slice of a slice": lambda domain: domain[1:][::2][1:],
    "shuffle": lambda domain: domain.shuffle(4),
    "sample": lambda domain: domain.sample(4, 9),
    "shards": lambda domain: domain.shard(0, 3) + domain.shard(1, 3) + domain.shard(2, 3),
    "where": lambda domain: domain.where(lambda a, b: a != 2 or b),
    "where one": lambda domain: domain.where(lambda a: a != 2),
    "where the config": lambda domain: domain.where(lambda config: config["a"] != 2),
    "where a draw": lambda domain: domain.where(lambda s: s > -0.3),
    "where before the draws": lambda domain: Domain(a=[1, 2], b=["x"]).where(lambda a, b: a > 1) * DRAWS,
    "unique": lambda domain: domain.unique(),
    "difference": lambda domain: domain - domain[2:4],
    "defaults": lambda domain: domain.with_defaults(z=1).shuffle(),
    "shuffled slices of shards": lambda domain: domain.shard(1, 2).shuffle()[:2],
    "a copy": lambda domain: Domain(domain),
}
SEEDS = [None, 0, 1, 2**80]


def known(config):
    """Return what of a config is listed, less a default, as something that can be looked up."""
    listed = {name: value for name, value in config.items() if name in {"a", "b"}}
    return tuple(sorted(leaves(listed).items()))


def drawn(config):
    return {name: value for name, value in config.items() if name in SAMPLERS}


def table(domain, seed):
    return {known(config): (config.hash(), drawn(config)) for config in domain.set_iter_params(seed=seed)}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("how", LARGER)
def test_what_is_added_changes_no_draw_and_no_identity(how, seed):
    domain, larger = Domain(BASE).set_iter_params(seed=seed), LARGER[how]()
    if how == "a summand behind":
        larger = larger[:7]
    found = [config for config in larger.set_iter_params(seed=seed) if config.get("c") in (None, 5)]
    before = table(domain, seed)
    now = {known(config): (config.hash(), drawn(config)) for config in found if "a" in config}
    assert {key: now[key] for key in before} == before
    assert len({str(value) for _, value in before.values()}) == 6


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("how", PARTS)
def test_what_is_cut_changes_no_draw_and_no_identity(how, seed):
    before, part = table(Domain(BASE), seed), table(PARTS[how](Domain(BASE)), seed)
    assert part
    assert all(before[key] == value for key, value in part.items())
    if how in {"shuffle", "shards", "unique", "a copy", "defaults"}:
        assert part.keys() == before.keys()


def test_seeds_differ_in_every_draw():
    tables = [table(Domain(BASE), seed) for seed in (1, 2, 3)]
    values = [value for one in tables for _, drawn in one.values() for value in drawn.values()]
    assert len(set(values)) == 3 * 6 * 3


@pytest.mark.parametrize("view", ["shuffle", "slice", "where", "unique", "difference"])
def test_draws_that_decide_what_there_is_stay_what_they_were(view):
    base = Domain(a=range(12)) * Domain(s=NumpySampler("normal"))
    part = {
        "shuffle": lambda: base.where(lambda s: s > 0).shuffle(2),
        "slice": lambda: base.where(lambda s: s > 0)[1:],
        "where": lambda: base.where(lambda s: s > 0)[:],
        "unique": base.unique,
        "difference": lambda: base - base[3:5],
    }[view]()
    alone = {config["a"]: config["s"] for config in part}
    assert alone.items() <= {config["a"]: config["s"] for config in base}.items()
    for larger in (part * Domain(b=[1, 2]), Domain(b=[1, 2]) * part):
        found = [(config["a"], config["s"]) for config in larger]
        assert sorted(found) == sorted([*alone.items()] * 2)
    side = Domain(t=NumpySampler("normal")) * Domain(b=[1, 2])
    beside = part * side
    assert len({config["t"] for config in beside}) == 2 * len(alone)


@settings(max_examples=30)
@given(DOMAINS, DOMAINS, st.integers(0, 9), st.integers(0, 2**70))
def test_no_expression_changes_what_another_draws(one, two, seed, domain_seed):
    (domain, _), (other, _) = one, two
    configs = list(domain.set_iter_params(seed=domain_seed))
    counts = {config.hash(): configs.count(config) for config in configs}
    for larger in (other + domain, domain + other, (domain + other).shuffle(seed), (other + domain)[::-1]):
        found = [config.hash() for config in larger.set_iter_params(seed=domain_seed)]
        assert all(found.count(key) >= count for key, count in counts.items())
    for part in (domain.shuffle(seed), domain[1::2], domain.unique(), domain.with_defaults(y=1)):
        assert {config.hash() for config in part.set_iter_params(seed=domain_seed)} <= set(counts)
