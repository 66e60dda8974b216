"""Draws belong to their config: no way of walking, extending or cutting a domain changes one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from research import Domain
from samplers import NumpySampler, ScipySampler

NORMAL = Domain(s=NumpySampler("normal"))
GRID = Domain(a=range(20)) * NORMAL


def values_at(domain, index, pass_=0, **how):
    """Config number `index` of a pass, drawn for a seed and a generation."""
    stream = domain.stream(**how)
    return domain.point(domain.locate(index, stream), stream, pass_).values


def draws(domain, **how):
    return {index: values_at(domain, index, **how)["s"] for index in range(domain.len)}


def by_a(domain):
    return {config["a"]: config["s"] for config in domain if "s" in config}


@pytest.mark.parametrize(
    "other",
    [
        Domain(a=range(30)) * NORMAL,
        Domain(a=list(range(19, -1, -1))) * NORMAL,
        NORMAL * Domain(a=range(20)),
        Domain(z=[1]) + Domain(a=range(10)) * NORMAL + Domain(a=range(10, 20)) * NORMAL,
        Domain({"a": range(20), "s": NumpySampler("n")}),
        (Domain(a=range(20)) @ Domain(b=range(20))) + GRID,
    ],
    ids=["extended", "reversed", "commuted", "cut", "written otherwise", "with others"],
)
def test_a_draw_is_the_same_wherever_its_config_stands(other):
    expected, found = by_a(GRID), by_a(Domain() + other)
    found = {a: found[a] for a in expected} if "b" not in other.names else by_a(list(other)[20:])
    assert found == expected


def test_a_draw_is_the_same_in_another_process():
    code = (
        "from research import Domain; from samplers import NumpySampler\n"
        "print([config['s'] for config in Domain(a=range(20)) * Domain(s=NumpySampler('normal'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([config["s"] for config in GRID])


@pytest.mark.parametrize(
    "how", [{"default_seed": 1}, {"generation": 1}, {"pass_": 1}], ids=["seed", "generation", "pass"]
)
def test_another_seed_generation_or_pass_draws_anew(how):
    assert not set(draws(GRID).values()) & set(draws(GRID, **how).values())


@pytest.mark.parametrize(
    "other",
    [
        Domain(a=range(20)) * Domain(t=NumpySampler("normal")),
        Domain(a=range(20)) * Domain(s=NumpySampler("normal", loc=1e-9)),
        Domain(a=range(20)) * Domain(s=ScipySampler("norm")),
        Domain(b=range(20)) * NORMAL,
        Domain(a=range(20), b=[1]) * NORMAL,
    ],
    ids=["parameter", "content", "kind of sampler", "listed parameter", "more listed parameters"],
)
def test_another_config_draws_anew(other):
    found = {value for config in other for name, value in config.items() if name in "st"}
    assert not found & set(draws(GRID).values())


def test_neighbours_differ_and_are_normal():
    sample = np.array([config["s"] for config in Domain(a=range(4000)) * NORMAL])
    assert len(set(sample)) == 4000
    assert abs(sample.mean()) < 0.08
    assert abs(sample.std() - 1) < 0.06
    assert abs(np.corrcoef(sample[1:], sample[:-1])[0, 1]) < 0.08


def test_whose_seed_counts():
    own = Domain(a=[1]) * Domain(s=NumpySampler("normal", seed=5))
    other = Domain(a=[1]) * Domain(s=NumpySampler("normal", seed=6))
    none = Domain(a=[1]) * NORMAL
    assert values_at(own, 0, default_seed=1) == values_at(own, 0, default_seed=2)
    assert own[0] != other[0]
    assert none[0] == values_at(none, 0, default_seed=0)
    for domain in (own, other, none):
        domain.set_iter_params(seed=7)
    assert own[0] == other[0] == none[0]


def test_a_second_pass_draws_anew_and_a_repetition_does_not():
    domain = (Domain(a=[1, 2]) * NORMAL).set_iter_params(n_items=4, n_reps=2)
    items = list(domain.iterator)
    found = [(item["a"], item["repetition"]) for item in items]
    assert found == [(1, 0), (2, 0), (1, 1), (2, 1)] * 2
    first, second = [item["s"] for item in items[:4]], [item["s"] for item in items[4:]]
    assert first[:2] == first[2:]
    assert not set(first) & set(second)


def test_one_dimension_is_a_python_scalar_and_more_are_a_tuple():
    config = Domain(
        x=NumpySampler("normal"),
        n=NumpySampler("poisson"),
        c=NumpySampler("choice", a=["red", "blue"]),
        v=NumpySampler("uniform", dim=3),
        m=ScipySampler("mvn", mean=[0, 1]),
    )[0]
    assert [type(value) for value in config.values()] == [float, int, str, tuple, tuple]
    assert len(config["v"]) == 3
    assert len(config["m"]) == 2


def test_draws_inside_of_a_zip_belong_to_the_whole_config():
    zipped = (Domain(a=[1, 2]) * NORMAL) @ Domain(b=[3, 4])
    listed = (Domain(a=[1], b=[3]) + Domain(a=[2], b=[4])) * NORMAL
    assert list(zipped) == list(listed)


def test_domains_of_nothing_but_draws_go_side_by_side():
    domain = NORMAL @ Domain(t=NumpySampler("uniform"))
    assert domain == NORMAL * Domain(t=NumpySampler("uniform"))
    assert domain.len is None
    assert domain[5] != domain[6]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Domain(a="abc"), TypeError, r"parameter 'a'.*str 'abc'.*\['abc'\]"),
        (lambda: Domain(a=5), TypeError, r"parameter 'a'.*int 5.*\[5\]"),
        (lambda: Domain(a={1, 2}), TypeError, "parameter 'a'.*set"),
        (lambda: Domain(a=np.array(3)), TypeError, "parameter 'a'.*ndarray"),
        (lambda: Domain({1: [2]}), TypeError, "must be str, got 1"),
        (lambda: Domain(5), TypeError, "`domain` must be a dict, a list of dicts or a Domain"),
        (lambda: Domain([{"a": 1}, 2]), TypeError, "config number 1 must be a dict, got int 2"),
        (lambda: Domain({"": [1]}), ValueError, "must not be empty"),
        (lambda: Domain({"a": [1]}, a=[2]), ValueError, "'a' is given twice"),
        (lambda: Domain(a=[1]) * Domain(a=[2]), ValueError, "'a' is given twice"),
        (lambda: Domain(a=[1]) @ Domain(a=[2]), ValueError, "'a' is given twice"),
        (lambda: Domain({"m": [1], "m/x": [2]}), ValueError, "'m' is given twice: .* 'm/x'"),
        (lambda: Domain(a=[1, 2]) @ Domain(b=[1]), ValueError, "got 2 and 1"),
        (lambda: NORMAL @ Domain(b=[1]), ValueError, "got endless and 1"),
        (lambda: Domain(a=[1]).set_iter_params(n_reps=0), ValueError, "`n_reps`.*got 0"),
        (lambda: Domain(a=[1]).set_iter_params(n_items=1.5), ValueError, "`n_items`.*got 1.5"),
        (lambda: Domain(a=[1]).set_iter_params(produced=-1), ValueError, "`produced`.*got -1"),
        (lambda: Domain(a=[1])["a"], TypeError, "indexed by an int or a slice, got 'a'"),
        (lambda: Domain(a=[1]) + 1, TypeError, "unsupported operand"),
    ],
)
def test_bad_input_is_named(make, error, text):
    with pytest.raises(error, match=text):
        make()
