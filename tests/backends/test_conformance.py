"""What every backend promises, whichever it is."""

from __future__ import annotations

import time

import pytest

from research import Experiment, O
from research.domain.identity import experiment_rng
from research.events import Ended, Revoke, Revoked, Run, Running, Stop, TaskDone, Values
from tests.backends.driving import blueprint, experiment, task


def value_of(number):
    return number * 2 + experiment_rng(7, f"{number:016x}").random()


def last_values(driven):
    return {experiment: block.last.number for experiment, block in driven.saved if block.variable == "y"}


def test_tasks_run_and_their_values_are_the_same_everywhere(drive, kind):
    driven = drive(kind, n_workers=2)
    for worker in range(2 if kind != "inline" else 1):
        driven.backend.send(
            worker, Run(tuple(task(n) for n in range(20) if kind == "inline" or n % 2 == worker))
        )
    driven.until(lambda: len(driven.of(TaskDone)) == 20)
    assert last_values(driven) == {f"{n:016x}": value_of(n) for n in range(20)}
    assert {event.status for event in driven.of(Ended)} == {"done"}


def test_an_experiment_s_last_values_come_with_its_end_and_that_before_its_task_s(drive, kind):
    driven = drive(kind)
    driven.backend.send(0, Run((task(3), task(4))))
    driven.until(lambda: len(driven.of(TaskDone)) == 2)
    said = [event for event in driven.said if isinstance(event, Values | Ended | TaskDone)]
    assert [type(event).__name__ for event in said] == ["Ended", "TaskDone"] * 2
    assert [[block.variable for block in event.blocks] for event in said[::2]] == [["y"], ["y"]]


def test_tasks_run_in_the_order_in_which_they_were_sent(drive, kind):
    driven = drive(kind)
    driven.backend.send(0, Run((task(5), task(1))))
    driven.backend.send(0, Run((task(9),)))
    driven.until(lambda: len(driven.of(TaskDone)) == 3)
    assert [event.number for event in driven.of(TaskDone)] == [5, 1, 9]


def test_a_failure_tells_what_and_where(drive, kind):
    def fail(x, random):
        raise ZeroDivisionError(f"x is {x}")

    driven = drive(kind, plan=blueprint(experiment(fail)))
    driven.backend.send(0, Run((task(3),)))
    driven.until(lambda: driven.of(TaskDone))
    (ended,) = driven.of(Ended)
    (failure,) = ended.failures
    assert (ended.status, failure.unit, failure.iteration) == ("failed", "unit", 0)
    assert (failure.type, failure.message) == ("ZeroDivisionError", "x is 3")
    assert "in fail" in failure.traceback
    assert "executor.py" not in failure.traceback


def test_what_cannot_be_pickled_fails_that_experiment_only(drive, kind):
    def unpicklable(x, random):
        return (n for n in range(x)) if x == 1 else x

    driven = drive(kind, plan=blueprint(experiment(unpicklable)))
    driven.backend.send(0, Run((task(1), task(2))))
    driven.until(lambda: len(driven.of(TaskDone)) == 2)
    assert [event.status for event in driven.of(Ended)] == ["failed", "done"]
    assert "generator cannot be stored" in driven.of(Ended)[0].failures[0].message


def test_tasks_that_have_not_begun_are_handed_back(drive, kind):
    def slow(x, random):
        time.sleep(0.5 if x == 0 else 0)

    driven = drive(kind, plan=blueprint(experiment(slow)))
    driven.backend.send(0, Run(tuple(map(task, range(10)))))
    driven.backend.send(0, Revoke(4))
    driven.until(lambda: driven.of(Revoked) and len(driven.of(TaskDone)) == 6)
    (revoked,) = driven.of(Revoked)
    assert {item.number for item in revoked.tasks} == {6, 7, 8, 9}
    assert {event.number for event in driven.of(TaskDone)} == set(range(6))


def test_revoking_more_than_there_is_hands_back_what_there_is(drive, kind):
    driven = drive(kind)
    driven.backend.send(0, Revoke(5))
    driven.until(lambda: driven.of(Revoked))
    assert driven.of(Revoked)[0].tasks == ()


@pytest.mark.parametrize("number", [1, 1000])
def test_histories_arrive_whole(drive, kind, number):
    def count():
        yield from range(number)

    described = Experiment().add_generator("count", count).save(O("count"), "y")
    driven = drive(kind, plan=blueprint(described))
    driven.backend.send(0, Run((task(0),)))
    driven.until(lambda: driven.of(TaskDone))
    blocks = [block for _, block in driven.saved]
    assert blocks[-1].last.iteration == number - 1
    assert sum(block.length for block in blocks if block.number is not None) == (number if number > 1 else 0)


def test_the_worker_number_and_times_are_told(drive, kind):
    driven = drive(kind, n_workers=2)
    worker = 0 if kind == "inline" else 1
    before = time.time()
    driven.backend.send(worker, Run((task(0),)))
    driven.until(lambda: driven.of(TaskDone))
    (ended,) = driven.of(Ended)
    assert ended.worker == worker
    assert before - 1 < ended.started <= ended.finished < time.time() + 1
    assert ended.iterations == 1


def test_nothing_happens_after_the_end(drive, kind):
    driven = drive(kind)
    driven.backend.send(0, Run((task(0),)))
    driven.backend.close()
    driven.backend.send(0, Stop())
    driven.backend.close()


def test_long_experiments_tell_how_far_they_are(drive, process_kind):
    def wait():
        for _ in range(8):
            time.sleep(0.1)
            yield 1

    described = Experiment().add_generator("wait", wait).save(O("wait"), "y")
    driven = drive(process_kind, plan=blueprint(described))
    driven.backend.send(0, Run((task(0),)))
    driven.until(lambda: driven.of(TaskDone))
    running = driven.of(Running)
    assert running
    assert 0 < max(event.iterations for event in running) <= 8
    assert len(driven.of(Values)) > 1
