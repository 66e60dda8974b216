"""Weighted sums: all configs, each summand's in its order, in turn by weight."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from research import Domain
from samplers import NumpySampler

NORMAL = NumpySampler("normal")
N_PICKS = 10**5


def parts(domain, n_configs):
    return np.array([config["part"] for config in islice(domain, n_configs)])


def part(number, length):
    return Domain(part=[number]) * Domain(at=range(length))


def chi_square(counts, weights):
    expected = sum(counts) * np.array(weights) / sum(weights)
    return float(((np.array(counts) - expected) ** 2 / expected).sum())


@pytest.mark.parametrize(
    "weights", [(1, 1), (0.3, 0.7), (1, 2, 3, 4), (0.001, 0.999), (1e-300, 3e-300), (1e308, 1e308, 5e307)]
)
def test_configs_come_in_proportion_to_the_weights(weights):
    domain = Domain()
    for number, weight in enumerate(weights):
        domain += weight * part(number, 10**9)
    picks = parts(domain, N_PICKS)
    scaled = np.array(weights) / max(weights)
    counts = np.bincount(picks, minlength=len(weights))
    assert chi_square(counts, scaled) < 25  # of up to 3 degrees of freedom: less than 10^-4
    pairs = np.bincount(picks[:-1] * len(weights) + picks[1:], minlength=len(weights) ** 2)
    assert chi_square(pairs, np.outer(scaled, scaled).ravel()) < 50  # picks do not depend on the one before


def test_those_that_are_left_keep_their_proportions():
    domain = 8 * part(0, 1000) + 1 * part(1, 10**9) + 3 * part(2, 10**9)
    picks = parts(domain, N_PICKS)
    last = int(np.flatnonzero(picks == 0)[-1])
    assert (picks == 0).sum() == 1000
    assert 1200 < last < 1900
    assert chi_square(np.bincount(picks[last + 1 :])[1:], (1, 3)) < 15
    assert chi_square(np.bincount(picks[:last]), (8, 1, 3)) < 20


def test_of_filters_whose_length_is_not_known_the_rest_keeps_its_proportions():
    even = part(0, 2000).where(lambda part, at: at % 2 == 0)
    picks = parts(5 * even + 1 * part(1, 10**9) + 1 * part(2, 10**9), 20_000)
    last = int(np.flatnonzero(picks == 0)[-1])
    assert (picks == 0).sum() == 1000
    assert 1150 < last < 1700
    assert chi_square(np.bincount(picks[last + 1 :])[1:], (1, 1)) < 15


def test_all_configs_come_each_summands_in_its_order():
    lengths = (5, 3000, 0, 1, 77)
    summands = [part(number, length) for number, length in enumerate(lengths)]
    plain, weighted = Domain(), Domain()
    for number, summand in enumerate(summands):
        plain, weighted = plain + summand, weighted + 0.5 ** (number + 1) * summand
    assert weighted.len == plain.len == 3083
    for number, length in enumerate(lengths):
        found = [config["at"] for config in weighted if config["part"] == number]
        assert found == list(range(length))
    assert list(weighted) != list(plain)
    assert [weighted.index(config) for config in weighted] == list(range(3083))
    assert [weighted[index] for index in range(3083)] == list(weighted)
    assert weighted[-1] == list(weighted)[-1]
    with pytest.raises(IndexError, match="the domain has 3083 configs"):
        weighted[3083]


def test_the_order_is_part_of_the_domain():
    def make():
        return 0.4 * part(0, 50) + 0.6 * (part(1, 50) + part(2, 50))

    first = list(make())
    assert list(make()) == first
    assert list(make().set_iter_params(seed=5)) == first
    assert make()[:][40:20:-3].index(first[37]) == 1
    domain = make()
    assert [domain[index] for index in (149, 3, 70, 3)] == [first[index] for index in (149, 3, 70, 3)]


def test_neighbours_with_weights_take_turns_and_others_stand_between():
    domain = part(0, 2) + 1 * part(1, 40) + 1 * part(2, 40) + part(3, 2) + 1 * part(4, 40)
    picks = parts(domain, 124).tolist()
    assert picks[:2] == [0, 0]
    assert set(picks[2:40]) == {1, 2}
    assert sorted(picks[2:82]) == [1] * 40 + [2] * 40
    assert picks[82:] == [3, 3] + [4] * 40


def test_a_weight_goes_to_each_summand_and_weights_multiply():
    a, b, c = part(0, 5), part(1, 5), Domain(c=[1, 2])
    assert 0.5 * (a + b) == 0.5 * a + 0.5 * b
    assert 0.5 * (4 * a) == 2 * a == a * 2 == (2 * a) * Domain({}) == (0.5 * a) * (4 * Domain({}))
    assert (2 * a) * (3 * c) == 6 * (a * c)
    assert (2 * a + b) * c == 2 * (a * c) + b * c
    assert a != 1 * a
    assert np.float32(0.5) * a == a * np.int64(1) * 0.5
    assert list(1 * a) == list(a)
    assert eval(repr(0.25 * (a * c))) == 0.25 * (a * c)


def test_an_endless_summand_takes_its_turn():
    domain = 1 * Domain(s=NORMAL) + 1 * Domain(a=range(20))
    assert domain.len is None
    configs = list(islice(domain, 200))
    assert [config["a"] for config in configs if "a" in config] == list(range(20))
    draws = [config for config in configs if "s" in config]
    assert draws == [Domain(s=NORMAL)[number] for number in range(180)]


def test_a_draw_does_not_depend_on_weights():
    plain = Domain(a=range(30)) * Domain(s=NORMAL)
    mixed = 0.2 * plain + 0.8 * Domain(b=range(99))
    assert [config for config in mixed if "a" in config] == list(plain)


@pytest.mark.parametrize("weight", [0, -1, -0.5, float("nan"), float("inf"), -float("inf"), 10**400, np.nan])
def test_a_weight_that_is_none_is_named(weight):
    for make in (lambda: weight * part(0, 2), lambda: part(0, 2) * weight, lambda: weight * Domain()):
        with pytest.raises(ValueError, match=r"weight .*must be positive and finite, got"):
            make()


@pytest.mark.parametrize("weight", [True, "1", None, [1], 1j], ids=repr)
def test_what_is_no_number_is_no_weight(weight):
    for make in (lambda: weight * part(0, 2), lambda: part(0, 2) * weight):
        with pytest.raises(TypeError, match=r"Domain"):
            make()


def test_weights_that_multiply_to_none_are_refused():
    a, b = part(0, 2), Domain(b=[1])
    for make in (
        lambda: 1e308 * (1e308 * a),
        lambda: 1e-300 * (1e-300 * a),
        lambda: (1e-300 * a) * (1e-300 * b),
        lambda: (1e300 * a) * (1e300 * b),
    ):
        with pytest.raises(ValueError, match="positive and finite"):
            make()
