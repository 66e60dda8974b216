"""Rules of identities, on random domains: ids leave out what is ignored, and configs are found by them."""

from __future__ import annotations

from itertools import islice

import dill
from hypothesis import given, settings
from hypothesis import strategies as st

from research import Domain
from research.domain.config import entries
from tests.properties.expressions import DOMAINS

AROUND = {
    "nothing": lambda domain: domain,
    "a product": lambda domain: domain * Domain(z=[1, 2]),
    "a product before": lambda domain: Domain(z=[1, 2]) * domain,
    "a slice": lambda domain: domain[::2],
    "a shuffle": lambda domain: domain.shuffle(2),
    "a sum": lambda domain: domain + Domain(z=[1]),
    "a difference": lambda domain: domain - list(islice(domain, 1)),
}


def by_size(config, value):
    return repr(value), len(config)


@st.composite
def ruled_domains(draw):
    """Draw a domain, some of whose parameters have rules, and something that is made of it."""
    domain, _ = draw(DOMAINS)
    listed = sorted(set(domain.names) - domain.drawn)
    ignored = draw(st.sets(st.sampled_from(listed), max_size=2)) if listed else set()
    replaced = draw(st.sets(st.sampled_from(listed), max_size=1)) if listed else set()
    ruled = domain.ignore(*ignored).hash_with(dict.fromkeys(replaced - ignored, by_size))
    return draw(st.sampled_from(sorted(AROUND))), ruled, ignored, replaced - ignored


@settings(max_examples=30)
@given(ruled_domains())
def test_ids_leave_out_what_is_ignored_and_configs_are_found_by_them(drawn):
    around, ruled, ignored, replaced = drawn
    domain = AROUND[around](ruled)
    configs = list(islice(domain, 40))
    ids = [config.canonical for config in configs]
    for config in configs:
        texts, values = config.texts(), dict(entries(config.raw_items()))
        assert not ignored & {path.partition("/")[0] for path in texts} - {"m"}
        for path, text in texts.items():
            assert '"$rule"' in text if path in replaced else text == values[path]
        left_out = set(values) - set(texts)
        assert all(path in ignored or config.defaults.get(path) == values[path] for path in left_out)
        assert config in domain and domain.index(config) == ids.index(config.canonical)
    again = dill.loads(dill.dumps(domain))
    assert again == domain and [config.canonical for config in islice(again, 40)] == ids
    for number, config in enumerate(configs[:5]):
        assert domain[number].canonical == config.canonical
