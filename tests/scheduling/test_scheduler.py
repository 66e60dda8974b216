"""The scheduler hands out every task once, whatever workers do."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from research.events import Died, Ready, Retired, Revoke, Revoked, Run, Task, TaskDone
from research.scheduling.scheduler import BATCH_SECONDS, Scheduler


def tasks(count):
    return iter([Task(number, ()) for number in range(count)])


def sent(commands):
    return {worker: [task.number for task in command.tasks] for worker, command in commands}


def test_nobody_gets_anything_before_they_are_ready():
    scheduler = Scheduler(tasks(3), 2)
    assert scheduler.commands() == []
    scheduler.handle(Ready(1, 0))
    assert sent(scheduler.commands()) == {1: [0]}
    assert scheduler.commands() == []


def test_tasks_of_unknown_or_long_duration_are_sent_one_by_one():
    scheduler = Scheduler(tasks(5), 1)
    scheduler.handle(Ready(0, 0))
    for number in range(5):
        assert sent(scheduler.commands()) == {0: [number]}
        scheduler.handle(TaskDone(0, number, 10.0))
    assert scheduler.commands() == []
    assert scheduler.is_finished


def test_short_tasks_are_sent_in_batches_ahead_of_their_need():
    scheduler = Scheduler(tasks(1000), 1)
    scheduler.handle(Ready(0, 0))
    scheduler.commands()
    scheduler.handle(TaskDone(0, 0, BATCH_SECONDS / 20))
    assert len(sent(scheduler.commands())[0]) == 20
    for number in range(1, 11):
        scheduler.handle(TaskDone(0, number, BATCH_SECONDS / 20))
    assert len(sent(scheduler.commands())[0]) == 20


def test_a_study_without_tasks_is_finished_once_somebody_asks():
    scheduler = Scheduler(tasks(0), 1)
    scheduler.handle(Ready(0, 0))
    assert scheduler.commands() == []
    assert scheduler.is_finished


def test_an_idle_worker_gets_what_another_has_not_begun():
    scheduler = Scheduler(tasks(101), 2)
    scheduler.handle(Ready(0, 0))
    scheduler.commands()
    scheduler.handle(TaskDone(0, 0, BATCH_SECONDS / 200))
    assert len(sent(scheduler.commands())[0]) == 100
    scheduler.handle(Ready(1, 0))
    assert scheduler.commands() == [(0, Revoke(50))]
    assert scheduler.commands() == []
    scheduler.handle(Revoked(0, tuple(Task(number, ()) for number in (99, 100))))
    assert sent(scheduler.commands()) == {1: [99, 100]}


def test_what_a_dead_worker_was_at_is_lost_and_the_rest_goes_to_others():
    scheduler = Scheduler(tasks(100), 2)
    scheduler.handle(Ready(0, 0))
    scheduler.commands()
    scheduler.handle(TaskDone(0, 0, BATCH_SECONDS / 4))
    assert sent(scheduler.commands()) == {0: [1, 2, 3, 4]}
    scheduler.handle(TaskDone(0, 1, BATCH_SECONDS / 4))
    scheduler.handle(Died(0, "signal 9", 2))
    assert [task.number for task in scheduler.take_lost()] == [2]
    assert [task.number for task in scheduler.take_interrupted()] == [3, 4]
    assert not scheduler.take_lost()
    scheduler.handle(Ready(1, 0))
    assert sent(scheduler.commands())[1][:2] == [3, 4]


def test_a_dead_worker_gets_nothing_until_its_successor_is_ready():
    scheduler = Scheduler(tasks(10), 1)
    scheduler.handle(Ready(0, 0))
    scheduler.handle(Died(0, "exit code 1", None))
    assert scheduler.commands() == []
    scheduler.handle(Ready(0, 1))
    assert scheduler.commands()


def test_a_worker_that_nobody_knew_of_gets_its_share():
    scheduler = Scheduler(tasks(4), 1)
    scheduler.handle(Ready(0, 0))
    assert sent(scheduler.commands()) == {0: [0]}
    scheduler.handle(Ready(2, 0))
    assert sent(scheduler.commands()) == {2: [1]}
    scheduler.handle(Died(2, "its machine is gone", 1))
    scheduler.handle(Ready(1, 0))
    assert sent(scheduler.commands()) == {1: [2]}
    assert [task.number for task in scheduler.take_lost()] == [1]


def test_who_retires_hands_back_all_and_gets_nothing_more_whatever_it_says():
    scheduler = Scheduler(tasks(3), 2)
    scheduler.handle(Ready(0, 0))
    assert sent(scheduler.commands()) == {0: [0]}
    scheduler.handle(Retired(0, (), 0.5, 3))
    scheduler.handle(Revoked(0, (Task(0, ()),)))
    scheduler.handle(Died(0, "killed", None))
    scheduler.handle(Ready(0, 0))
    assert scheduler.commands() == []
    assert not scheduler.is_deserted
    assert not scheduler.take_interrupted()
    scheduler.handle(Ready(1, 0))
    assert sent(scheduler.commands()) == {1: [0]}
    scheduler.handle(Retired(1, (), 0.5, 3))
    assert scheduler.is_deserted
    assert not scheduler.is_finished


class Worker:
    """A worker as the scheduler sees it."""

    def __init__(self):
        self.is_present = False
        self.queue = []


@given(seed=st.integers(0, 2**32), count=st.integers(0, 300), n_workers=st.integers(1, 5))
def test_every_task_ends_once_whatever_happens(seed, count, n_workers):
    chance = random.Random(seed)
    scheduler = Scheduler(tasks(count), n_workers)
    workers = [Worker() for _ in range(n_workers)]
    done, lost, held = [], [], set()
    for _ in range(100_000):
        for number, command in scheduler.commands():
            worker = workers[number]
            assert worker.is_present
            if isinstance(command, Run):
                for task in command.tasks:
                    assert task.number not in held, "two workers have one task"
                    held.add(task.number)
                    worker.queue.append(task)
            elif isinstance(command, Revoke):
                most = chance.randint(0, min(command.n_tasks, max(0, len(worker.queue) - 1)))
                back = [worker.queue.pop() for _ in range(most)]
                held -= {task.number for task in back}
                scheduler.handle(Revoked(number, tuple(back)))
        if scheduler.is_finished:
            break
        number = chance.randrange(n_workers)
        worker = workers[number]
        if not worker.is_present:
            worker.is_present = True
            scheduler.handle(Ready(number, 0))
        elif chance.random() < 0.05:
            running = worker.queue[0].number if worker.queue and chance.random() < 0.7 else None
            held -= {task.number for task in worker.queue}
            worker.is_present, worker.queue = False, []
            scheduler.handle(Died(number, "killed", running))
            lost.extend(task.number for task in scheduler.take_lost())
        elif number > 0 and chance.random() < 0.01:  # one always stays
            held -= {task.number for task in worker.queue}
            worker.queue = []
            scheduler.handle(Retired(number, (), 0.5, 1))
        elif worker.queue:
            task = worker.queue.pop(0)
            held.discard(task.number)
            done.append(task.number)
            scheduler.handle(TaskDone(number, task.number, chance.choice([1e-4, 1e-3, 1.0])))
    assert scheduler.is_finished
    assert sorted(done + lost) == list(range(count))
