"""The laws of draws: a drawn value is a function of its config, of a seed, and of nothing else."""

from __future__ import annotations

from functools import reduce

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from research import Domain
from samplers import NumpySampler

SAMPLERS = {
    "s": NumpySampler("normal"),
    "t": NumpySampler("uniform", dim=2),
    "u": NumpySampler("integers", low=0, high=2**62),
}
VALUES = st.lists(st.integers(0, 4) | st.sampled_from(["x", None, 1.0, True, (1,)]), min_size=1, max_size=3)


def values_at(domain, index, pass_=0, **how):
    """Config number `index` of a pass, drawn for a seed and a generation."""
    stream = domain.stream(**how)
    return domain.point(domain.locate(index, stream), stream, pass_).values


@st.composite
def options(draw):
    """Draw an option, beside which there may be samplers."""
    domain = Domain({draw(st.sampled_from("abcd")): draw(VALUES)})
    for name in draw(st.sets(st.sampled_from("stu"), max_size=2)):
        drawn = Domain({name: SAMPLERS[name]})
        domain = drawn * domain if draw(st.booleans()) else domain * drawn
    return domain


def combine(parts):
    left, right, operator = parts
    if operator == "+":
        return left + right
    try:
        return left * right if operator == "*" else left @ right
    except ValueError:  # a parameter twice, or other sizes
        return None


def combined(domains):
    return (
        st.tuples(domains, domains, st.sampled_from("+*@")).map(combine).filter(lambda made: made is not None)
    )


DOMAINS = st.recursive(options(), combined, max_leaves=6)


def drawn_for(config, **how):
    """Draw what belongs to a config in a domain that holds nothing else."""
    listed = Domain({name: [value] for name, value in sorted(config.items()) if name not in SAMPLERS})
    samplers = Domain({name: SAMPLERS[name] for name in sorted(config) if name in SAMPLERS})
    return values_at(listed * samplers, 0, **how) if samplers.names else values_at(listed, 0)


@given(DOMAINS, st.integers(0, 2**70), st.integers(0, 3), st.integers(0, 3))
def test_a_draw_depends_on_its_config_wherever_it_stands(domain, seed, generation, pass_):
    how = {"default_seed": seed, "generation": generation, "pass_": pass_}
    for number in range(domain.len):
        values = values_at(domain, number, **how)
        assert values == drawn_for(values, **how)


@given(DOMAINS, st.sampled_from(["default_seed", "generation", "pass_"]), st.integers(1, 100))
def test_another_seed_generation_or_pass_changes_every_draw_and_nothing_else(domain, what, value):
    for number in range(domain.len):
        one, other = values_at(domain, number), values_at(domain, number, **{what: value})
        assert {name for name in one if one[name] != other[name]} == set(one) & set(SAMPLERS)


@given(DOMAINS)
def test_configs_walked_indexed_and_produced_have_the_same_draws(domain):
    walked = list(domain)
    assert walked == [domain[number] for number in range(domain.len)]
    domain.set_iter_params(n_reps=2, additional=False)
    assert [item.config() for item in domain.iterator] == walked * 2
    domain.set_iter_params(produced=domain.len - 1, additional=False)
    assert [item.config() for item in domain.iterator] == walked[-1:]


@given(DOMAINS)
def test_a_domain_with_samplers_is_rebuilt_from_its_text(domain):
    again = eval(repr(domain), {"Domain": Domain, "NumpySampler": NumpySampler})
    assert again == domain
    assert hash(again) == hash(domain)
    assert list(again) == list(domain)


@given(DOMAINS, st.integers(0, 5))
def test_every_pass_draws_anew_and_the_same_again(domain, n_passes):
    length = domain.len
    domain.set_iter_params(n_items=length * (n_passes + 1), additional=False)
    items = [item.config() for item in domain.iterator]
    assert items == [
        drawn_for(domain[number], pass_=pass_) for pass_ in range(n_passes + 1) for number in range(length)
    ]
    different = {config.hash() for config in items if set(config) & set(SAMPLERS)}
    first = {config.hash() for config in items[:length] if set(config) & set(SAMPLERS)}
    assert len(different) == len(first) * (n_passes + 1)


@given(DOMAINS, st.lists(st.integers(0, 9), unique=True, min_size=2, max_size=4))
def test_every_seed_draws_other_values_and_overrides_what_was_the_default(domain, seeds):
    assume(set(domain.names) & set(SAMPLERS))
    draws = {}
    for seed in seeds:
        domain.set_iter_params(seed=seed)
        for number in range(domain.len):
            values = values_at(domain, number, default_seed=99)
            assert values == drawn_for(values, default_seed=seed)
            draws.setdefault(seed, set()).update(value for name, value in values.items() if name in SAMPLERS)
    assert len(set().union(*draws.values())) == sum(map(len, draws.values()))


@given(st.sets(st.sampled_from("stu"), min_size=1), st.lists(st.integers(0, 10**12), unique=True, max_size=8))
def test_a_product_of_samplers_has_a_draw_for_every_number(names, numbers):
    domain = Domain({name: SAMPLERS[name] for name in sorted(names)})
    backwards = reduce(
        Domain.__mul__, (Domain({name: SAMPLERS[name]}) for name in sorted(names, reverse=True))
    )
    assert domain.len is None
    found = [domain[number] for number in numbers]
    assert [backwards[number] for number in reversed(numbers)] == found[::-1]
    assert len({config.hash() for config in found}) == len(numbers)
    shifted = Domain(a=range(7)) + domain
    assert [shifted[number + 7] for number in numbers] == found


@st.composite
def of_one_length(draw):
    """Draw three domains of one length, without a common parameter."""
    length = draw(st.integers(1, 4))
    made = []
    for names in ("abc", "def", "gh"):
        parts = {
            "option": Domain({names[0]: range(length)}),
            "sum": Domain({names[0]: range(length - 1)}) + Domain({names[1]: [length]}),
            "product": Domain({names[0]: range(length)}, **{names[1]: ["one"]}),
            "zip": Domain({names[0]: range(length)}) @ Domain({names[1]: list("wxyz"[:length])}),
        }
        made.append(parts[draw(st.sampled_from(sorted(parts)))])
    if draw(st.booleans()):
        made[1] = made[1] * Domain(s=SAMPLERS["s"])
    return made


@given(of_one_length())
def test_going_side_by_side_is_associative(domains):
    a, b, c = domains
    left, right = (a @ b) @ c, a @ (b @ c)
    assert left == right
    assert hash(left) == hash(right)
    assert list(left) == list(right)
    assert left.len == a.len
    listed = [
        {**one.to_dict(), **two.to_dict(), **three.to_dict()} for one, two, three in zip(a, b, c, strict=True)
    ]
    for config, expected in zip(left, listed, strict=True):
        assert {name: value for name, value in config.to_dict().items() if name != "s"} == {
            name: value for name, value in expected.items() if name != "s"
        }
        assert tuple(config) == tuple(expected)
        assert config == drawn_for(config)


def test_draws_of_neighbouring_configs_are_independent():
    domain = Domain(a=range(3000), b=[0, 1]) * Domain(s=SAMPLERS["s"], z=NumpySampler("normal"))
    table = np.array([[config["s"], config["z"]] for config in domain]).reshape(3000, 4)
    correlations = np.corrcoef(np.hstack([table[:-1], table[1:]]).T)[np.triu_indices(8, 1)]
    assert np.abs(correlations).max() < 0.08
