"""Orders, points and draws pinned to the digit: a stored study is continued by them.

As on the page of identities, no refactoring may change a value here. Quasi-random points are scipy's: should
a release of it change them, studies over `Domain.quasi` need the release that they were made with.
"""

from __future__ import annotations

import numpy as np
import pytest

from research import Domain
from samplers import ConstantSampler, HistoSampler, NumpySampler, ScipySampler

HUGE = Domain(a=range(10**9), b=range(10**9), c=range(10**9))
N, U = NumpySampler("n"), NumpySampler("u")


def test_a_short_shuffle():
    assert [config["a"] for config in Domain(a=range(10)).shuffle(seed=1)] == [8, 2, 9, 3, 7, 5, 1, 4, 6, 0]


@pytest.mark.parametrize(
    ("index", "found"),
    [
        (0, (633924035, 203374164, 190218900)),
        (1, (231514469, 223141528, 443873930)),
        (10**26, (391884327, 340075424, 406806510)),
    ],
)
def test_a_long_shuffle(index, found):
    assert tuple(HUGE.shuffle(seed=1)[index].values()) == found


def test_turns_of_weighted_sums():
    turns = (0.75 * Domain(a=range(100)) + 0.25 * Domain(b=range(100)))[:60]
    names = "".join(name for config in turns for name in config)
    assert names == "abaaaaaabbaabaaaababaabaaaaaaaaaaaaaaabbaaaaaaaaaaaaaaaaaaab"


@pytest.mark.parametrize(
    ("method", "points"),
    [
        ("sobol", [(0.5072906669229269, 0.9697906943038106), (0.03171201888471842, 0.07531716488301754)]),
        ("halton", [(0.6202458918642495, 0.8641257970823721), (0.1202458918642495, 0.5307924637490389)]),
        ("lhs", [(0.6593873215590755, 0.7855420665821841), (0.41626030763533906, 0.43153256925795686)]),
    ],
)
def test_quasi_random_points(method, points):
    domain = Domain.quasi(2, method, 1, a=(0, 1), b=(0, 1))
    assert [tuple(config.values()) for config in domain] == points


@pytest.mark.parametrize(
    ("sampler", "drawn"),
    [
        (N | U, -0.8408967345394602),
        ((0.2 & N) | U, 0.17975754513152276),
        (N & U, (0.021570468184011135, 0.9581642885926096)),
        (N + U, -0.11586249536641235),
        (2**N, 1.6656065894594994),
        (N.truncate(high=0.5, low=0), 0.10537626047199958),
        (N.apply(np.exp), 0.8059021210647249),
        (HistoSampler(([1, 2, 3], [0, 1, 2, 3])), 1.2871762344217177),
        (ConstantSampler(3), 3),
        (ScipySampler("loguniform", a=1e-3, b=1), 0.8852175065665727),
    ],
    ids=str,
)
def test_draws(sampler, drawn):
    assert Domain(i=[7], x=sampler)[0]["x"] == drawn


def test_a_default_is_no_part_of_identity_and_draws():
    domain = Domain(i=[7], x=N)
    assert domain.with_defaults(b=1)[0].hash() == domain[0].hash()
