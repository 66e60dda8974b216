"""Quasi-random points, stars and regular distances: domains that are made for one purpose."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from research import Config, Domain, intspace, logspace
from samplers import HaltonSampler, LatinHypercubeSampler, NumpySampler, ScipySampler, SobolSampler

METHODS = ("sobol", "halton", "lhs")


def listed(domain):
    return [config.to_dict() for config in domain]


@pytest.mark.parametrize("method", METHODS)
def test_points_are_within_bounds_and_even(method):
    domain = Domain.quasi(64, method, 3, a=(0, 1), b=(-5, 5), c=ScipySampler("loguniform", a=1e-4, b=1))
    assert domain.len == len(domain) == 64
    assert domain.names == ("a", "b", "c")
    points = np.array([list(config.values()) for config in domain])
    assert all(type(value) is float for value in domain[5].values())
    for column, edges in zip(points.T, ((0, 1), (-5, 5), (1e-4, 1)), strict=True):
        assert edges[0] <= column.min() < column.max() <= edges[1]
    for column in (points[:, 0], (points[:, 1] + 5) / 10, np.log(points[:, 2]) / np.log(1e4) + 1):
        counts = np.bincount((column * 8).astype(int), minlength=8)
        assert (counts == 8).all() if method != "halton" else (abs(counts - 8) < 4).all()


@pytest.mark.parametrize("method", METHODS)
def test_points_are_a_value(method):
    domain = Domain.quasi(8, method, 3, a=(0, 1), k=ScipySampler("poisson", mu=4))
    again = eval(repr(domain), {"Domain": Domain, "ScipySampler": ScipySampler})
    for other in (again, pickle.loads(pickle.dumps(domain)), copy.deepcopy(domain)):
        assert other == domain
        assert hash(other) == hash(domain)
        assert list(other) == list(domain)
    assert all(type(config["k"]) is int for config in domain)
    assert domain != Domain.quasi(8, method, 4, a=(0, 1), k=ScipySampler("poisson", mu=4))
    assert list(domain) != list(Domain.quasi(8, method, 4, a=(0, 1), k=ScipySampler("poisson", mu=4)))
    assert [domain.index(config) for config in domain] == list(range(8))
    assert {"a": 0.5, "k": 1} not in domain
    assert list(domain.set_iter_params(seed=9)) == list(again)


@pytest.mark.parametrize("method", ["sobol", "halton"])
def test_the_first_points_stay_as_more_are_taken(method):
    few, many = (Domain.quasi(n, method, 1, a=(0, 1), b=(0, 1)) for n in (5, 50))
    assert list(many)[:5] == list(few)


def test_points_go_through_every_operator():
    points = Domain.quasi(6, "halton", 2, a=(0, 1))
    configs = listed(points)
    grid = points * Domain(b=[1, 2])
    assert listed(grid) == [{**config, "b": b} for config in configs for b in (1, 2)]
    assert listed(points @ Domain(b=range(6))) == [{**one, "b": n} for n, one in enumerate(configs)]
    assert listed(points[::-2]) == configs[::-2]
    assert listed(points.where(lambda a: a > 0.5)) == [one for one in configs if one["a"] > 0.5]
    assert sorted(map(str, listed(points.shuffle(1)))) == sorted(map(str, configs))
    assert listed(points - [configs[2]]) == [*configs[:2], *configs[3:]]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"n": 0}, "`n` must be a positive int, got 0"),
        ({"n": True}, "`n` must be a positive int, got True"),
        ({"n": 2.0}, "`n` must be a positive int, got 2.0"),
        ({"method": "sobl"}, "`method` must be one of 'sobol', 'halton', 'lhs', got 'sobl'"),
        ({"a": (1, 0)}, r"parameter 'a': low < high must hold, got \(1, 0\)"),
        ({"a": (1, 1)}, "parameter 'a': low < high must hold"),
        ({"a": (0, float("inf"))}, "parameter 'a' takes bounds"),
        ({"a": (float("nan"), 1)}, "parameter 'a' takes bounds"),
        ({"a": (0, 1, 2)}, "parameter 'a' takes bounds"),
        ({"a": "01"}, "parameter 'a' takes bounds"),
        ({"a": ("0", "1")}, "parameter 'a' takes bounds"),
        ({"a": (False, True)}, "parameter 'a' takes bounds"),
        ({"a": NumpySampler("normal")}, "parameter 'a' takes bounds"),
        ({"a": ScipySampler("norm", dim=2)}, "parameter 'a' takes a distribution of one dimension"),
        ({"a/b": (0, 1)}, "parameter 'a' is given twice"),
    ],
)
def test_points_that_there_cannot_be_are_refused(how, message):
    bounds = {name: bound for name, bound in how.items() if name not in {"n", "method"}}
    with pytest.raises(ValueError, match=message):
        Domain.quasi(how.get("n", 4), how.get("method", "sobol"), 0, **{"a": (0, 1), **bounds})


def test_points_without_parameters_and_seeds_that_are_none_are_refused():
    with pytest.raises(ValueError, match="at least one parameter"):
        Domain.quasi(4)
    with pytest.raises(TypeError, match="`seed` must be"):
        Domain.quasi(4, "sobol", "x", a=(0, 1))
    assert Domain.quasi(4, "sobol", 0, a=(np.float64(0), np.int64(3))) == Domain.quasi(4, a=(0, 3))


@pytest.mark.parametrize("kind", [SobolSampler, HaltonSampler, LatinHypercubeSampler])
def test_a_quasi_random_sampler_is_no_parameters_values(kind):
    for make in (lambda: Domain(a=kind()), lambda: Domain({"a": kind(dim=2)}), lambda: Domain(a=kind() + 1)):
        with pytest.raises(TypeError, match=r"the parameter 'a'.*Domain\.quasi"):
            make()


def test_a_star_varies_one_parameter_at_a_time():
    star = Domain.star({"a": 0, "b": "x", "m/y": 1}, a=range(3), **{"m/y": [1, 5]})
    assert listed(star) == [
        {"a": 0, "b": "x", "m/y": 1},
        {"a": 1, "b": "x", "m/y": 1},
        {"a": 2, "b": "x", "m/y": 1},
        {"a": 0, "b": "x", "m/y": 5},
    ]
    assert star == eval(repr(star))
    assert listed(Domain.star({"a": 1})) == listed(Domain.star({"a": 1}, a=[1])) == [{"a": 1}]
    assert listed(Domain.star(Config(a=1), a=[2, 2])) == [{"a": 1}, {"a": 2}]
    assert [type(one["a"]) for one in Domain.star({"a": 1.0}, a=[1, 1.0])] == [float, int]
    assert listed(Domain.star({"a": [1, 2]}, a=[[3]])) == [{"a": [1, 2]}, {"a": [3]}]


def test_a_star_needs_a_center_that_has_what_is_varied():
    with pytest.raises(ValueError, match="lacks the parameter 'alpa'; did you mean 'alpha'"):
        Domain.star({"alpha": 1}, alpa=[2])
    with pytest.raises(TypeError, match="values of the parameter 'a'"):
        Domain.star({"a": 1}, a="xy")


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((0, 10, 4), [0, 3, 7, 10]),
        ((1, 3, 10), [1, 2, 3]),
        ((10, 0, 3), [10, 5, 0]),
        ((-3, 3, 4), [-3, -1, 1, 3]),
        ((0.4, 2.6, 3), [0, 2, 3]),
        ((5, 5, 3), [5]),
        ((1, 9, 1), [1]),
    ],
)
def test_integers_at_regular_distances(ends, expected):
    found = intspace(*ends)
    assert found == expected
    assert all(type(number) is int for number in found)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((1e-3, 1, 4), [0.001, 0.01, 0.1, 1.0]),
        ((1, 1e-3, 4), [1.0, 0.1, 0.01, 0.001]),
        ((-1, -100, 3), [-1.0, -10.0, -100.0]),
        ((2, 2, 2), [2.0, 2.0]),
        ((1e-300, 1e300, 3), [1e-300, 1.0, 1e300]),
        ((1e-200, 1e-200, 2), [1e-200, 1e-200]),
        ((3, 9, 1), [3.0]),
    ],
)
def test_numbers_at_regular_ratios(ends, expected):
    found = logspace(*ends)
    assert found == pytest.approx(expected, rel=1e-12)
    assert found[0] == expected[0] and found[-1] == expected[-1]
    assert all(type(number) is float for number in found)


@pytest.mark.parametrize("space", [intspace, logspace])
@pytest.mark.parametrize("num", [0, -1, True, 2.0, "3", None], ids=repr)
def test_how_many_is_a_positive_int(space, num):
    with pytest.raises(ValueError, match="`num` must be a positive int, got"):
        space(1, 2, num)


@pytest.mark.parametrize("ends", [(0, 1), (1, 0), (-1, 1), (1, float("inf")), (float("nan"), 1)])
def test_ratios_need_ends_of_one_sign(ends):
    with pytest.raises(
        ValueError, match=r"of one sign and not 0, got start=|`(start|stop)` must be a finite number, got"
    ):
        logspace(*ends, 3)


@pytest.mark.parametrize("ends", [(0, float("inf")), (float("nan"), 1), (-float("inf"), 0)])
def test_distances_need_finite_ends(ends):
    with pytest.raises(ValueError, match=r"`(start|stop)` must be a finite number, got"):
        intspace(*ends, 3)
