"""Verdicts do not depend on who is when where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.events import Asks
from research.pruning.judge import Judge, Stored
from research.pruning.rules import Median, Progress, SuccessiveHalving
from research.pruning.watch import Pruning, Watch, replay

CURVES = st.lists(
    st.tuples(st.sampled_from("ab"), st.lists(st.integers(0, 9), min_size=1, max_size=9)),
    min_size=1,
    max_size=12,
)
RULES = st.sampled_from(
    [SuccessiveHalving(1, 2), SuccessiveHalving(2, 3), Median(min_experiments=2, every=2)]
)


class Simulated:
    """An experiment at a worker: a curve, and how far it has come."""

    def __init__(self, pruning, number, group, curve):
        self.number, self.group, self.curve = number, group, curve
        self.watch, self.iteration = Watch(pruning), 0
        self.asks = None
        self.ended_at = None

    def step(self, worker):
        """Do an iteration; return a question, if there is one."""
        self.watch.take(self.iteration, self.curve[self.iteration])
        self.iteration += 1
        if self.iteration == len(self.curve):
            self.ended_at = self.iteration
            return None
        reached = self.watch.look()
        if reached is None:
            return None
        self.asks = Asks(worker, str(self.number), self.group, *reached)
        return self.asks


def simulate(rule, curves, n_workers, choose, stored=()):
    """Run a study by workers of which `choose` says who is next; return where each experiment ended."""
    pruning = Pruning(rule, "loss", False, (), True)
    judge = Judge(pruning)
    judge.recall(stored)
    over = {one.number for one in stored}
    todo = [Simulated(pruning, n, group, curve) for n, (group, curve) in enumerate(curves) if n not in over]
    at_work, ends = {}, {}
    while todo or at_work:
        for worker in range(n_workers):
            if worker not in at_work and todo:
                at_work[worker] = todo.pop(0)
                judge.open(str(at_work[worker].number), at_work[worker].number)
        able = [worker for worker, one in at_work.items() if one.asks is None]
        if able:
            worker = able[choose(len(able))]
            asks = at_work[worker].step(worker)
            if asks is not None:
                judge.ask(asks)
        verdicts = judge.verdicts()
        assert able or verdicts  # somebody always goes on
        for worker, verdict in verdicts:
            one = at_work[worker]
            assert verdict.experiment == str(one.number)
            one.asks = None
            if verdict.reason is not None:
                one.ended_at = one.iteration
        for worker, one in list(at_work.items()):
            if one.ended_at is not None:
                ends[one.number] = one.ended_at
                judge.close(str(one.number))
                del at_work[worker]
    return ends


@given(RULES, CURVES, st.integers(1, 4), st.data())
def test_any_number_of_workers_in_any_order_gives_the_same(rule, curves, n_workers, data):
    alone = simulate(rule, curves, 1, lambda count: 0)

    def choose(count):
        return data.draw(st.integers(0, count - 1))

    assert simulate(rule, curves, n_workers, choose) == alone


@given(RULES, CURVES, st.data())
def test_going_on_gives_the_same(rule, curves, data):
    pruning = Pruning(rule, "loss", False, (), True)
    alone = simulate(rule, curves, 1, lambda count: 0)
    done = data.draw(st.sets(st.sampled_from(sorted(alone))))
    stored = []
    for number in done:
        group, curve = curves[number]
        was_pruned = alone[number] < len(curve)
        values = list(enumerate(curve[: alone[number] - (not was_pruned)]))
        stored.append(Stored(number, group, replay(pruning, values)))
    rest = simulate(rule, curves, 2, lambda count: data.draw(st.integers(0, count - 1)), stored)
    assert rest == {number: end for number, end in alone.items() if number not in done}


def asks(experiment, rung, value, worker=0):
    return Asks(worker, experiment, "", rung, Progress(value, value, 0))


def judge_of(wait=True, rule=None):
    return Judge(Pruning(rule or SuccessiveHalving(1, 2), "loss", False, (), wait))


def test_who_comes_first_is_waited_for():
    judge = judge_of()
    judge.open("a", 0)
    judge.open("b", 1)
    judge.ask(asks("b", 1, 5.0, worker=1))
    assert judge.verdicts() == []
    assert judge.n_waiting == 1
    judge.ask(asks("a", 1, 1.0))
    assert {worker: verdict.reason is None for worker, verdict in judge.verdicts()} == {0: True, 1: False}


@pytest.mark.parametrize("is_lost", [False, True])
def test_who_has_ended_is_not_waited_for(is_lost):
    judge = judge_of()
    judge.open("a", 0)
    judge.open("b", 1)
    if is_lost:
        judge.ask(asks("a", 1, 1.0))
        judge.drop(0)
    judge.ask(asks("b", 1, 5.0, worker=1))
    judge.close("a")
    ((worker, verdict),) = judge.verdicts()
    assert worker == 1
    assert (verdict.reason is None) == (not is_lost)


def test_what_is_tried_again_counts_for_itself_alone():
    judge = judge_of()
    judge.open("a", 0)
    judge.open("b", 1)
    judge.close("a")
    judge.try_again("a", 0)
    judge.ask(asks("a", 1, 1.0))
    judge.ask(asks("b", 1, 5.0, worker=1))
    assert [verdict.reason for _, verdict in judge.verdicts()] == [None, None]


def test_without_waiting_everything_that_is_known_counts():
    judge = judge_of(wait=False)
    judge.open("a", 0)
    judge.open("b", 1)
    judge.ask(asks("b", 1, 1.0, worker=1))
    assert [verdict.reason for _, verdict in judge.verdicts()] == [None]
    judge.ask(asks("a", 1, 5.0))
    assert [verdict.reason is None for _, verdict in judge.verdicts()] == [False]


def test_the_first_goes_on_where_nobody_can():
    judge = judge_of()
    for number, name in enumerate("abc"):
        judge.open(name, number)
    judge.ask(asks("c", 1, 5.0, worker=1))
    judge.ask(asks("b", 1, 1.0, worker=0))
    assert judge.verdicts() == []
    ((worker, verdict),) = judge.give_way()
    assert (worker, verdict.experiment) == (0, "b")
