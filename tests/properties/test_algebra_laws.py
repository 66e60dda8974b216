"""The laws of the whole algebra, against a model that lists everything."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research import Alias, Domain
from tests.properties.expressions import DOMAINS, ENDS, combine
from tests.properties.model import NAMESPACE, leaves

MORE, FEWER = settings(max_examples=200), settings(max_examples=40)


def typed(configs):
    """Return values with their types, by path; a list of what configs show."""
    return [leaves(dict(config.items())) for config in configs]


def shown(model):
    return [leaves(item.values()) for item in model.listed()]


@MORE
@given(DOMAINS)
def test_a_domain_holds_what_the_model_lists_in_its_order(pair):
    domain, model = pair
    expected = shown(model)
    assert typed(domain) == expected
    assert domain.count() == domain.len == len(domain) == len(expected)
    assert bool(domain) == bool(expected)


@given(DOMAINS)
def test_an_index_gives_what_walking_gives(pair):
    domain, model = pair
    expected = shown(model)
    n_configs = len(expected)
    assert typed(domain[index] for index in range(n_configs)) == expected
    assert typed(domain[index] for index in range(-n_configs, 0)) == expected
    for index in (n_configs, -n_configs - 1, 10**30):
        with pytest.raises(IndexError, match=f"the domain has {n_configs} configs, there is no number"):
            domain[index]
    assert [config.hash() for config in domain] == [domain[index].hash() for index in range(n_configs)]


@MORE
@given(DOMAINS)
def test_what_a_config_is_called_without_being_made_is_what_it_is_called(pair):
    domain, _ = pair
    keys = [domain.locate(index, domain.stream()) for index in range(domain.count())]
    for key, config in zip(keys, domain, strict=True):
        assert domain.canonical(key) in (None, config.canonical)
        assert domain.texts(key) == domain.canonical(key)
        if domain.is_bare:
            assert not config.defaults
            assert not any(isinstance(value, Alias) for _, value in config.raw_items())


@MORE
@given(DOMAINS)
def test_values_by_keys_alone_are_those_of_the_configs(pair):
    domain, _ = pair
    stream = domain.stream()
    values_of = domain.grid(stream)
    for index in range(domain.count() if values_of is not None else 0):
        values = domain.point(domain.locate(index, stream), stream).values
        assert list(leaves(values_of(index)).items()) == list(leaves(values).items())


def test_grids_alone_have_values_by_keys_alone():
    grid = Domain({"b%s": range(3), "a/x": [1.5, None, (1, 2), Alias(max, "best")]})
    assert grid.grid(grid.stream())(7) == {"b%s": 1, "a/x": Alias(max, "best")}
    plain = Domain(a=range(3), b=[1, 2])
    more = [plain + plain, plain.where(lambda a, b: a < b), plain.with_defaults(c=1), plain.shuffle(seed=1)]
    for domain in [*more, plain * Domain([{"c": 1}]), Domain({})[:0]]:
        assert domain.grid(domain.stream()) is None


@pytest.mark.parametrize(
    "domain",
    [
        Domain({"b%s": range(3), "a/x": [1.5, "%d", None, (1, 2), Alias(max, "best")]}),
        Domain(a=range(3), b=[1, 2]).shuffle(seed=1)[1:5],
        Domain(a=range(9), b=range(9)).where(lambda a, b: a < b),
        Domain([{"a": 1}, {"b": {"c": 2}}]),
        Domain(a=range(10**6), b=range(10**6))[10**9 : 10**9 + 3],
        Domain({}),
    ],
    ids=repr,
)
def test_configs_of_grids_are_called_by_their_values(domain):
    keys = [domain.locate(index, domain.stream()) for index in range(domain.count())]
    assert [domain.canonical(key) for key in keys] == [config.canonical for config in domain]


@FEWER
@given(DOMAINS, st.data())
def test_places_found_in_another_order_are_the_same(pair, data):
    domain, model = pair
    expected = shown(model)
    order = data.draw(st.permutations(range(len(expected))))
    assert [leaves(dict(domain[index].items())) for index in order] == [expected[index] for index in order]


@MORE
@given(DOMAINS)
def test_a_config_is_found_at_its_first_index(pair):
    domain, model = pair
    items = model.listed()
    keys = [item.key() for item in items]
    have_one_default = len({str(item.defaults) for item in items}) <= 1
    for index, (config, item) in enumerate(zip(domain, items, strict=True)):
        assert config in domain
        assert config.to_dict() in domain
        if not have_one_default:  # {"a": 0} is what is shown of one, and all of another
            continue
        assert domain.index(config) == domain.index(config.to_dict()) == keys.index(keys[index])
        for other in ({**config, "z": 1}, {**config, "a": "changed"}, dict(list(config.items())[1:])):
            key = tuple(sorted(leaves(item.identity(other)).items()))
            assert (other in domain) == (key in keys)
    assert {"a": "nowhere"} not in domain
    with pytest.raises(ValueError, match="is not in this domain"):
        domain.index({"a": "nowhere"})


@FEWER
@given(DOMAINS, DOMAINS, st.sampled_from("+*@-"), ENDS, ENDS)
def test_operators_leave_their_operands_as_they_were(one, two, operator, start, stop):
    before = [(list(pair[0]), repr(pair[0]), hash(pair[0]), pair[0].names) for pair in (one, two)]
    combine((one, two, operator))
    for domain, _ in (one, two):
        made = [domain[start:stop], domain.unique(), domain.shuffle(1), 0.5 * domain, domain.shard(0, 2)]
        made += [
            domain - domain,
            domain.with_defaults(y=1),
            domain.where(lambda config: len(config) > 1),
        ]
        for other in made:
            list(other)
    after = [(list(pair[0]), repr(pair[0]), hash(pair[0]), pair[0].names) for pair in (one, two)]
    assert after == before


@given(DOMAINS)
def test_a_domain_is_rebuilt_from_its_text_and_by_every_copy(pair):
    domain, _ = pair
    expected = list(domain)
    fresh = [pickle.loads(pickle.dumps(domain))]
    if ".where(" not in repr(domain):  # a predicate's text is its own affair
        fresh.append(eval(repr(domain), dict(NAMESPACE)))
    for again in (*fresh, copy.copy(domain), copy.deepcopy(domain), Domain(domain)):
        assert again == domain
        assert hash(again) == hash(domain)
        assert repr(again) == repr(domain)
        assert list(again) == expected


@FEWER
@given(DOMAINS, DOMAINS)
def test_equal_domains_hold_equal_configs(one, two):
    (left, _), (right, _) = one, two
    if left == right:
        assert hash(left) == hash(right)
        assert list(left) == list(right)
    elif list(left) != list(right) and ".where(" not in repr(left):
        assert repr(left) != repr(right)


@FEWER
@given(DOMAINS, DOMAINS, DOMAINS)
def test_sums_and_products_are_associative_and_products_distribute(one, two, three):
    (a, _), (b, _), (c, _) = one, two, three
    assert (a + b) + c == a + (b + c)
    assert list((a + b) + c) == list(a + (b + c))
    names = [set(domain.names) for domain in (a, b, c)]
    if names[0] & (names[1] | names[2]):
        return
    assert (b + c) * a == b * a + c * a
    assert sorted(map(hash, a * (b + c))) == sorted(map(hash, a * b + a * c))
    if not names[1] & names[2]:
        assert (a * b) * c == a * (b * c)
        assert list((a * b) * c) == list(a * (b * c))


@FEWER
@given(DOMAINS, st.lists(st.tuples(ENDS, ENDS, ENDS.filter(lambda step: step != 0)), min_size=1, max_size=3))
def test_slices_of_slices_are_those_of_lists(pair, parts):
    domain, _ = pair
    configs = list(domain)
    for start, stop, step in parts:
        domain, configs = domain[start:stop:step], configs[start:stop:step]
    assert list(domain) == configs
    assert domain.count() == len(configs)


@FEWER
@given(DOMAINS, st.integers(1, 7), st.integers(0, 9))
def test_shards_are_disjoint_and_cover_and_a_shuffle_is_a_permutation(pair, n, seed):
    domain, _ = pair
    configs = list(domain)
    shards = [list(domain.shard(k, n)) for k in range(n)]
    assert [shards[index % n][index // n] for index in range(len(configs))] == configs
    assert sum(map(len, shards)) == len(configs)
    again = list(domain.shuffle(seed))
    assert sorted(map(hash, again)) == sorted(map(hash, configs))
    assert list(domain.sample(len(configs) // 2, seed)) == again[: len(configs) // 2]


@FEWER
@given(DOMAINS)
def test_the_units_of_sum_and_product(pair):
    domain, _ = pair
    assert domain + Domain() == Domain() + domain == domain
    assert domain * Domain({}) == Domain({}) * domain == domain
    assert domain * Domain() == Domain() * domain == Domain()
    assert list(domain - list(domain)) == list(domain - domain) == []
    assert list(domain - Domain()) == list(domain.unique())
