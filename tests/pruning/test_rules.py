"""When an experiment is hopeless, as each rule sees it."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.pruning.rules import Median, Others, Patience, Progress, SuccessiveHalving
from research.pruning.watch import Pruning, Watch, replay

NUMBERS = st.floats(allow_nan=False, width=16)


def pruning(rule, is_maximized=False):
    return Pruning(rule, "loss", is_maximized, (), True)


def others(*values):
    return Others(Progress(value, value, 0) for value in values)


@given(st.lists(NUMBERS, min_size=1), NUMBERS)
def test_median_ends_what_is_worse_than_the_median(means, best):
    verdict = Median(min_experiments=1).verdict(Progress(best, best, 0), others(*means))
    middle = median(means) if not {math.inf, -math.inf} <= set(means) else None
    if middle is not None and not math.isnan(middle):
        assert (verdict is not None) == (best > middle)


def test_median_waits_for_enough_others():
    rule, bad = Median(min_experiments=3), Progress(9.0, 9.0, 0)
    assert rule.verdict(bad, others(1, 1)) is None
    assert "median of 3 others" in rule.verdict(bad, others(1, 1, 1))


@given(st.lists(st.integers(0, 20), max_size=30), st.integers(0, 20), st.integers(2, 5))
def test_one_of_eta_goes_on(before, own, eta):
    verdict = SuccessiveHalving(eta=eta).verdict(Progress(own, own, 0), others(*before))
    n_there = len(before) + 1
    n_better = sum(other < own for other in before)
    assert (verdict is None) == (n_there < eta or n_better < math.ceil(n_there / eta))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (SuccessiveHalving(min_iters=2, eta=2), [0, 2, 2, 4, 4, 4, 4, 8, 8]),
        (Median(min_iters=3, every=2), [0, 0, 3, 3, 5, 5, 7, 7, 9]),
        (Patience(1, min_iters=3), [0, 0, 3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_rungs(rule, expected):
    assert [rule.rung(iterations) for iterations in range(1, 10)] == expected


def test_progress_of_an_experiment():
    reached = replay(pruning(Median()), enumerate([3.0, 1, np.float32(2), np.int64(1)]))
    assert [one.rung for one in reached] == [1, 2, 3, 4]
    assert [one.progress for one in reached] == [(3, 3, 0), (1, 2, 0), (1, 2, 1), (1, 1.75, 2)]


def test_more_may_be_better():
    (one, two) = replay(pruning(Median(), is_maximized=True), [(0, 1.0), (1, 5.0)])
    assert one.progress.best == -1
    assert two.progress.best == -5


@pytest.mark.parametrize("is_maximized", [False, True])
def test_nan_is_worst(is_maximized):
    (one,) = replay(pruning(Median(), is_maximized), [(0, math.nan)])
    assert one.progress.best == one.progress.mean == math.inf
    assert Median(min_experiments=1).verdict(one.progress, others(1e300))
    later = replay(pruning(Median(), is_maximized), [(0, math.nan), (1, 2.0)])
    assert later[-1].progress.best == (-2 if is_maximized else 2)
    assert later[-1].progress.since_best == 0


def test_an_improvement_that_is_too_small_is_none():
    reached = replay(pruning(Patience(2, min_delta=0.5)), enumerate([5.0, 4.8, 4.6, 4.0]))
    assert [one.progress.since_best for one in reached] == [0, 1, 2, 0]


def test_a_value_saved_twice_counts_once():
    watch = Watch(pruning(Median()))
    watch.take(0, 9)
    watch.take(0, 1)
    assert watch.look().progress == (1, 1, 0)
    assert watch.look() is None


def test_a_rung_that_was_passed_over_counts_once_there_is_a_value():
    reached = replay(pruning(SuccessiveHalving(min_iters=1, eta=3)), [(9, 1.0), (19, 1.0), (29, 1.0)])
    assert [one.rung for one in reached] == [9, 27]


@pytest.mark.parametrize("value", ["0.5", None, [1], 1j])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match=r"'loss' is what experiments are pruned by: it must be a number"):
        Watch(pruning(Median())).take(0, value)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Patience(0), "n"),
        (lambda: Patience(2, min_delta=-1), "min_delta"),
        (lambda: Patience(2, min_delta=math.nan), "min_delta"),
        (lambda: Median(every=0), "every"),
        (lambda: Median(min_experiments=1.5), "min_experiments"),
        (lambda: SuccessiveHalving(eta=1), "eta"),
        (lambda: SuccessiveHalving(min_iters=True), "min_iters"),
    ],
)
def test_numbers_that_make_no_sense(make, name):
    with pytest.raises(ValueError, match=rf"`{name}` must be"):
        make()
