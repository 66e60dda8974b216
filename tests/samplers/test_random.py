"""Seeds and generators: what a seed turns into, pinned, and that nothing else enters."""

from __future__ import annotations

import types

import numpy as np
import pytest

from samplers import make_rng, make_seed

# Studies record their seed and are repeated from it: changing one of these numbers orphans them.
PINNED_BITS = [
    (1, [5001773312344742047, 5153105853343410367, 9971774173010308333]),
    (2**130, [10617533711596479523, 5293640703674972361]),
]


@pytest.mark.parametrize(("seed", "bits"), PINNED_BITS, ids=lambda item: str(item)[:10])
def test_the_bits_of_a_seed_never_change(seed, bits):
    assert make_rng(seed).bit_generator.random_raw(len(bits)).tolist() == bits


def test_the_numbers_of_other_seeds_never_change():
    assert make_seed(np.random.SeedSequence(3)) == 237451177253306909457793912825127465243
    assert make_seed(np.random.default_rng(3)) == 789974133212406140


@pytest.mark.parametrize("seed", [0, 1, 2**64, 2**300, np.int8(7), np.uint64(2**64 - 1)], ids=str)
def test_an_int_is_its_own_seed(seed):
    assert make_seed(seed) == int(seed)
    assert type(make_seed(seed)) is int


@pytest.mark.parametrize("seed", [None, True, False, np.True_], ids=repr)
def test_no_seed_takes_entropy_that_never_comes_again(seed):
    seeds = {make_seed(seed) for _ in range(100)}
    assert len(seeds) == 100
    assert 2**110 < max(seeds) < 2**128


def test_a_recorded_seed_repeats_what_fresh_entropy_gave():
    seed = make_seed(None)
    assert make_rng(seed).random(5).tolist() == make_rng(make_seed(seed)).random(5).tolist()


def test_a_seed_sequence_is_not_used_up():
    sequence = np.random.SeedSequence(3)
    assert make_seed(sequence) == make_seed(sequence)
    child = sequence.spawn(1)[0]
    assert make_seed(child) != make_seed(sequence)


def test_a_generator_gives_another_seed_each_time():
    generator = np.random.default_rng(3)
    assert make_seed(generator) != make_seed(generator)


@pytest.mark.parametrize("inner", [5, np.int64(5), types.SimpleNamespace(random_seed=5)], ids=repr)
def test_the_seed_of_an_object_is_its_random_seed(inner):
    assert make_seed(types.SimpleNamespace(random_seed=inner)) == 5


@pytest.mark.parametrize(
    "seed", [1.0, "1", [1], np.array([1, 2]), object()], ids=lambda item: repr(item)[:12]
)
def test_what_is_no_seed_is_named_with_what_would_be(seed):
    with pytest.raises(TypeError, match="`seed` must be None, a bool, a non-negative int") as caught:
        make_seed(seed)
    assert repr(seed) in str(caught.value)


@pytest.mark.parametrize("seed", [-1, np.int64(-5), types.SimpleNamespace(random_seed=-2)], ids=repr)
def test_a_negative_seed_is_refused(seed):
    with pytest.raises(ValueError, match="`seed` must not be negative, got -"):
        make_seed(seed)


def test_a_generator_has_children_of_its_own():
    first, second = make_rng(1).spawn(2)
    assert second.bit_generator.random_raw(2).tolist() == [11189132783000075327, 3325726923667179039]
    assert not set(first.random(10)) & set(make_rng(1).random(10))


def test_seeds_side_by_side_give_streams_that_have_nothing_in_common():
    streams = np.array([make_rng(seed).normal(size=2000) for seed in range(5)])
    correlations = np.corrcoef(streams)[np.triu_indices(5, 1)]
    assert np.abs(correlations).max() < 0.1


def test_numpy_s_own_stream_is_left_alone():
    before = np.random.get_state()[1].tolist()
    make_rng(None).random()
    make_rng(5).random()
    assert np.random.get_state()[1].tolist() == before
