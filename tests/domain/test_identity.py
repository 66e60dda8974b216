"""Ids, streams and draws, pinned: nothing that is stored may ever be called by another name.

Changing a value of this page orphans stored studies: their experiments would not be found again, and a
repetition of them would draw other numbers.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from hashlib import blake2b

import numpy as np
import pytest

from research import Config, Domain
from research.domain.identity import experiment_id, experiment_rng
from samplers import NumpySampler, Sampler, ScipySampler

# content, hash, id of the experiment, id of (repetition 5, generation 1, pass 2)
CONFIGS = [
    ({"a": 1.0}, "f671b50ef085eaa6", "b325c9da16061726", "8ecb001a50895126"),
    ({"a": True}, "9e863b9500c0133b", "7e90ef49802a73a2", "b23c850e5e649d14"),
    ({"a": "1"}, "fb7337e479f3488c", "7fddf02a3259949b", "5a9e0279c96b1471"),
    ({"a": None}, "315668717b2575be", "fbb69574e4ac4bc8", "908264ab20d12788"),
    ({"a": [1, [2, "x"]]}, "0e9ad5e3682ebf44", "281ec17fcf85154b", "fe5dba473d4e4e0c"),
    ({"a": (1, 2)}, "f10e61a3e6f2c972", "56e739b0ed097c4f", "92a3b506eb1f56c8"),
    ({"a": float("nan")}, "1771ef0beb377303", "adc935373582f663", "5919905d89eb26b1"),
    (
        {"model": {"lr": 0.1, "net": {"depth": 2}}},
        "a6a14a148af46818",
        "2ae266d9d6b08f16",
        "087295cba4c0c72f",
    ),
    ({"name": "é/ü", "b": b"\0"}, "64c8c23a9e9c9ed0", "e1ca01392c63fde3", "401bf1c7e906f597"),
    ({"f": np.sin, "s": {2, 1}}, "bfaa3558515e8b9c", "504a66944fd852d8", "ec7344e9576db999"),
    ({"x": np.arange(4, dtype="<f8")}, "9c53278776d631da", "773f75922fd99309", "021dc08a6ece362f"),
    ({"big": 10**30, "empty": {}}, "eb1260cc93e45317", "73f719fb924ed995", "4385692a6e7b97cc"),
]


@pytest.mark.parametrize(("content", "hash_", "first", "other"), CONFIGS, ids=[row[1] for row in CONFIGS])
def test_hashes_and_ids_never_change(content, hash_, first, other):
    config = Config(content)
    assert config.hash() == hash_
    assert experiment_id(config.canonical) == first
    assert experiment_id(config.canonical, 5, 1, 2) == other


def test_hashes_and_ids_can_be_computed_with_any_blake2b():
    config = Config(a=1, b=["x"])
    assert config.canonical == '{"a":1,"b":["x"]}'
    assert config.hash() == blake2b(b'{"a":1,"b":["x"]}', digest_size=8).hexdigest()
    text = b'{"a":1,"b":["x"]}|2|0|1'
    assert experiment_id(config.canonical, 2, 0, 1) == blake2b(text, digest_size=8).hexdigest()


def test_everything_that_makes_an_experiment_enters_its_id():
    configs = [Config(a=1).canonical, Config(a=11).canonical, Config(a="1|0|0").canonical, Config().canonical]
    numbers = (0, 1, 11)
    ids = [experiment_id(*parts) for parts in itertools.product(configs, numbers, numbers, numbers)]
    assert len(set(ids)) == len(ids) == 108
    assert all(len(id_) == 16 and int(id_, 16) >= 0 for id_ in ids)


STREAMS = [
    (0, "54ea119a6eed9bcb", [8151701645578490367, 115846365639020904, 8032898470030225478]),
    (41, "54ea119a6eed9bcb", [10456137840498546620, 7378745890327542116, 1476862739679636417]),
]


@pytest.mark.parametrize(("seed", "experiment", "bits"), STREAMS)
def test_the_bits_of_an_experiment_never_change(seed, experiment, bits):
    assert experiment_rng(seed, experiment).bit_generator.random_raw(3).tolist() == bits


def test_the_first_numbers_of_an_experiment_never_change():
    def rng():
        return experiment_rng(0, "54ea119a6eed9bcb")

    assert rng().random(3).tolist() == [0.441904631679493, 0.006280044065018808, 0.43546429862811276]
    assert rng().integers(0, 2**32, 4).tolist() == [61624831, 1897965941, 3765375336, 26972583]
    assert rng().normal(size=2).tolist() == [-1.9558380231650796, -0.06904751025227972]


def test_a_stream_depends_on_the_seed_and_the_experiment():
    ids = [
        experiment_id(Config(a=number).canonical, repetition) for number in range(5) for repetition in (0, 1)
    ]
    first = [experiment_rng(seed, id_).random() for seed in (0, 1, 2**128) for id_ in ids]
    assert len(set(first)) == len(first) == 30
    assert first == [experiment_rng(seed, id_).random() for seed in (0, 1, 2**128) for id_ in ids]


def test_an_experiment_has_as_many_independent_streams_as_it_asks_for():
    children = experiment_rng(1, "00").spawn(20)
    numbers = np.array([child.normal(size=1000) for child in (*children, experiment_rng(1, "00"))])
    assert np.abs(np.corrcoef(numbers)[np.triu_indices(21, 1)]).max() < 0.15


class Bits(Sampler):
    """What a draw gets from its generator, before any distribution makes something of it."""

    __module__ = "pinned"  # the name of a sampler's class enters its draws
    content = ()

    def draw(self, rng, size):
        return rng.bit_generator.random_raw(size * self.dim).reshape(size, self.dim)


def test_the_bits_of_draws_never_change():
    grid = Domain(a=[1, 2, "x"]) * Domain(bits=Bits())
    assert [config["bits"] for config in grid] == [
        14472574328957338570,
        14100405498841319825,
        1805882174881514229,
    ]
    assert Domain(bits=Bits(dim=2))[7]["bits"] == (17622911446731936787, 13704490050489201438)
    assert Domain(bits=Bits(seed=9))[0]["bits"] == 10283005046329596237


DRAWS = [
    (NumpySampler("normal"), -0.028839921471127582),
    (NumpySampler("uniform", low=-1, high=3), 2.9738518779396275),
    (NumpySampler("integers", low=0, high=1000), 643),
    (NumpySampler("choice", a=["red", "green", "blue"]), "blue"),
    (NumpySampler("exponential", scale=2), 1.640464107743259),
    (NumpySampler("normal", dim=2), (-0.8355946983346608, 0.14694040100767786)),
    (NumpySampler("normal", loc=1), 3.6663138781503406),
    (NumpySampler("normal", seed=3), -1.2017365993707614),
    (NumpySampler("random"), 0.7230901453602635),
    (ScipySampler("norm"), 0.022624925162529695),
    (ScipySampler("uniform", dim=2), (0.040754100187689435, 0.689261971219463)),
]


@pytest.mark.parametrize(("sampler", "value"), DRAWS, ids=lambda item: repr(item)[:40])
def test_draws_never_change(sampler, value):
    config = Domain(model=["svm"], C=[10], x=sampler)[0]
    assert config == {"model": "svm", "C": 10, "x": value}
    assert type(config["x"]) is type(value)


def test_a_draw_leaves_nothing_behind_for_the_next():
    domain = Domain(a=range(50)) * Domain(s=NumpySampler("integers", low=0, high=1000))
    assert [domain[number] for number in reversed(range(50))] == list(domain)[::-1]
    first = domain[0]
    _ = Domain(s=NumpySampler("integers", low=0, high=1000))[7]  # uses half of the bits that it takes
    assert domain[0] == first


def test_ids_and_draws_of_a_whole_domain_are_the_same_in_every_process():
    code = (
        "from research import Domain; from samplers import NumpySampler\n"
        "from research.domain.identity import experiment_id, experiment_rng\n"
        "domain = Domain(a=[1, 'x', (2.5, None)], f=[max, {'k': {'b', 'a', 'c'}}]) * Domain("
        "s=NumpySampler('n'), v=NumpySampler('uniform', dim=3))\n"
        "for config in domain:\n"
        "    id_ = experiment_id(config.canonical)\n"
        "    print(id_, config['s'], config['v'], experiment_rng(5, id_).random())\n"
    )
    outputs = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(set(outputs.pop().splitlines())) == 6
