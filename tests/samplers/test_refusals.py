"""What samplers and their operators refuse, and how they say it."""

from __future__ import annotations

import numpy as np
import pytest

from research import Domain
from samplers import ConstantSampler, NumpySampler, Sampler, SobolSampler

NORMAL = NumpySampler("n", seed=1)
UNIFORM = NumpySampler("u", seed=1)
PLANE = NumpySampler("n", seed=1, dim=2)


@pytest.mark.parametrize("dim", [0, -1, 1.5, True, "2"], ids=repr)
def test_the_dimension_of_a_constant_is_a_positive_int(dim):
    with pytest.raises(ValueError, match="`dim` must be a positive int, got"):
        ConstantSampler(1, dim=dim)


@pytest.mark.parametrize(
    "weight", [0, -1, -0.5, float("nan"), float("inf"), 10**400], ids=lambda w: str(w)[:8]
)
def test_a_weight_must_be_positive_and_finite(weight):
    with pytest.raises(ValueError, match="the weight of a sampler must be positive and finite"):
        weight & NORMAL
    with pytest.raises(ValueError, match="the weight of a sampler must be positive and finite"):
        NORMAL & weight


@pytest.mark.parametrize("other", [True, np.True_, "a", None, [1], 1j], ids=repr)
def test_what_is_no_number_is_no_weight(other):
    with pytest.raises(TypeError):
        other & NORMAL
    with pytest.raises(TypeError):
        NORMAL & other


@pytest.mark.parametrize(
    "other", ["a", None, object(), {}, [], [[1, 2]], np.eye(2), ["a"]], ids=lambda o: str(o)[:7]
)
@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "//", "%", "**", "|"])
def test_what_is_neither_sampler_nor_numbers_is_no_operand(symbol, other):
    names = {"s": NORMAL, "other": other}
    with pytest.raises(TypeError):
        eval(f"s {symbol} other", names)
    with pytest.raises(TypeError):
        eval(f"other {symbol} s", names)


@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "//", "%", "**", "|"])
def test_samplers_of_other_dimensions_do_not_meet(symbol):
    pairs = [(PLANE, NumpySampler("n", dim=3))] if symbol != "|" else [(PLANE, NORMAL)]
    pairs += [] if symbol == "|" else [(PLANE, [1, 2, 3]), (np.arange(1, 4), PLANE)]
    for left, right in pairs:
        with pytest.raises(ValueError, match=r"equal dimension.*got"):
            eval(f"left {symbol} right", {"left": left, "right": right})


@pytest.mark.parametrize(
    "function",
    [
        lambda points: points.sum(),
        lambda points: points[:-1],
        lambda points: points[None],
        lambda points: 5,
        lambda points: points.sum(axis=0),
    ],
    ids=["scalar", "shorter", "deeper", "number", "wrong axis"],
)
def test_a_function_that_loses_points_is_refused_with_both_shapes(function):
    with pytest.raises(ValueError, match=r"must return an array of shape \(\d, k\) or \(\d,\), got \("):
        PLANE.apply(function)


def test_what_cannot_be_called_is_no_function():
    with pytest.raises(TypeError, match="`function` must be callable, got 5"):
        NORMAL.apply(5)


class Wrong(Sampler):
    content = ("wrong",)

    def __init__(self, drawn):
        super().__init__()
        self.drawn = drawn

    def draw(self, rng, size):
        return self.drawn


@pytest.mark.parametrize(
    ("drawn", "shape"),
    [
        (np.zeros(4), r"\(4,\)"),
        (np.zeros((4, 2)), r"\(4, 2\)"),
        (np.zeros((3, 1)), r"\(3, 1\)"),
        ([[1]] * 4, "list"),
    ],
    ids=["flat", "wide", "short", "list"],
)
def test_a_sampler_of_one_s_own_that_draws_another_shape_is_named(drawn, shape):
    wrong = Wrong(drawn)
    made = [wrong, 2 * wrong, NORMAL + wrong, wrong & NORMAL, wrong.truncate(high=1, prob=1)]
    for sampler in made:
        with pytest.raises(
            ValueError, match=rf"Wrong\('wrong'\) must draw an array of shape \(4, 1\), got.*{shape}"
        ):
            sampler.sample(4)
    with pytest.raises(ValueError, match=r"Wrong\('wrong'\) must draw an array of shape \(\d, 1\), got"):
        Domain(i=[1], x=wrong)[0]


@pytest.mark.parametrize("size", [-1, 1.5, True, None, "3", np.float64(2), [3]], ids=repr)
@pytest.mark.parametrize(
    "sampler",
    [
        NORMAL,
        NORMAL | UNIFORM,
        NORMAL & UNIFORM,
        NORMAL + 1,
        NORMAL.truncate(1),
        SobolSampler(),
        ConstantSampler(1),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_the_size_of_a_sample_is_a_non_negative_int(sampler, size):
    with pytest.raises(ValueError, match="`size` must be a non-negative int, got"):
        sampler.sample(size)
