"""What is promised where each task has a process of its own."""

from __future__ import annotations

import os
import pickle
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from research import EC, Domain, E, Experiment, O, R, Research
from research.events import Died, Ready, Replace, Revoke, Revoked, Run, Stop, TaskDone
from tests.backends.driving import PATIENCE, blueprint, experiment, task

METHODS = ["fork", "spawn"]
seen = []  # by experiments that ran in this process before


@pytest.fixture(params=METHODS)
def isolated(request):
    """Name each kind of backend that gives tasks processes in turn."""
    return f"{request.param}, a process per task"


def wait_for(path):
    """Wait until a file is there."""
    deadline = time.monotonic() + PATIENCE
    while not os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.01)


def remember(a):
    seen.append(a)
    return list(seen)


def noisy():
    def walk(a, random):
        for _ in range(3):
            yield a + random.normal()

    described = Research("study", Domain(a=range(6)), n_reps=2)
    described.add_generator("walk", walk, a=EC("a"), random=E().random).save(O("walk"), "x")
    return described.add_callable("ends", lambda a: 1 / a, a=EC("a"), save_to="inverse")


def numbers(driven):
    return [block.last.number for _, block in driven.saved]


@pytest.mark.parametrize("method", METHODS)
def test_results_are_those_of_workers_that_stay(method):
    isolated = noisy().run(
        "isolated", seed=3, workers=2, isolation="experiment", start_method=method, bar=False
    )
    staying = noisy().run("staying", seed=3, workers=2, isolation="worker", bar=False)
    assert isolated.results.df.equals(staying.results.df)
    assert isolated.monitor.counts == staying.monitor.counts == {"done": 10, "failed": 2}


@pytest.mark.parametrize("method", METHODS)
def test_what_one_experiment_leaves_behind_the_next_does_not_see(method):
    described = Research("study", Domain(a=[1, 2, 3])).add_callable(remember, a=EC("a"), save_to="seen")
    isolated = described.run("isolated", isolation="experiment", start_method=method, bar=False)
    assert isolated.results.df["seen"].tolist() == [[1], [2], [3]]
    staying = described.run("staying", isolation="worker", start_method=method, bar=False)
    assert staying.results.df["seen"].tolist() == [[1], [1, 2], [1, 2, 3]]


def test_each_task_has_a_process_that_ends_with_it(drive, isolated):
    driven = drive(isolated, plan=blueprint(experiment(lambda x, random: os.getpid())))
    driven.backend.send(0, Run(tuple(map(task, range(5)))))
    driven.until(lambda: len(driven.of(TaskDone)) == 5)
    pids = [int(number) for number in numbers(driven)]
    assert len({*pids, driven.of(Ready)[0].pid}) == 6
    assert not any(map(psutil.pid_exists, pids[:-1]))  # they ended before the next began


def test_branches_of_a_task_share_its_process():
    described = Research("study", Domain(a=[1, 2, 3, 4])).add_callable("pid", os.getpid, save_to="pid")
    described.run(branches=2, isolation="experiment", bar=False)
    first, second, third, fourth = described.results.df["pid"]
    assert first == second != third == fourth


@pytest.mark.parametrize("method", METHODS)
def test_the_domain_may_be_replaced(method):
    def again(best):
        return Domain(x=[best, best + 1]) if best < 4 else None

    described = Research("study", Domain(x=[0, 1])).add_callable("f", lambda x: x, x=EC("x"), save_to="y")
    described.update_domain(again, best=R().to_df()["y"].max())
    described.run(workers=2, isolation="experiment", start_method=method, bar=False)
    assert described.results.df["y"].tolist() == [0, 1, 1, 2, 2, 3, 3, 4]


def test_the_driver_is_served_while_a_task_runs(drive, isolated):
    def work(x, random):
        if x == 0:
            wait_for("go")
        return x

    driven = drive(isolated, plan=blueprint(experiment(work)))
    driven.backend.send(0, Run(tuple(map(task, range(4)))))
    driven.backend.send(0, Replace(1, Domain(x=range(5, 1000))))
    driven.backend.send(0, Revoke(1))
    driven.until(lambda: driven.of(Revoked))
    assert not driven.of(TaskDone)
    Path("go").touch()
    second = task(4)._replace(members=(task(4).members[0]._replace(generation=1),))
    driven.backend.send(0, Run((second,)))
    driven.until(lambda: len(driven.of(TaskDone)) == 4)
    assert [item.number for item in driven.of(Revoked)[0].tasks] == [3]
    assert numbers(driven) == [0, 1, 2, 9]


def test_much_that_is_saved_arrives_whole(drive, isolated):
    def fill(x, random):
        return np.full(4_000_000, x, dtype=float)

    driven = drive(isolated, plan=blueprint(experiment(fill)))
    driven.backend.send(0, Run((task(1), task(2))))
    driven.until(lambda: len(driven.of(TaskDone)) == 2)
    objects = [block.objects[0] for _, block in driven.saved]
    assert [len(item.data) > 32_000_000 for item in objects] == [True, True]


def sockets(pid):
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(os.readlink(descriptor))
        except OSError:  # it was that of the listing
            continue
    return {name for name in found if name.startswith("socket:")}


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="this system does not list open files")
def test_the_process_of_a_task_does_not_hold_the_pipe_of_the_driver(drive, isolated):
    driven = drive(isolated, plan=blueprint(experiment(lambda x, random: sorted(sockets(os.getpid())))))
    inherited = sockets(os.getpid())
    of_driver = sockets(driven.of(Ready)[0].pid) - inherited
    assert len(of_driver) == 1
    driven.backend.send(0, Run((task(0),)))
    driven.until(lambda: driven.of(TaskDone))
    ((_, block),) = driven.saved
    (stored,) = block.objects
    of_child = set(pickle.loads(stored.data))
    assert not of_driver & of_child
    assert len(of_child - inherited) == 1


def test_a_process_that_a_task_leaves_behind_holds_up_nobody(drive, isolated):
    def leave(x, random):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        if x == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    driven = drive(isolated, plan=blueprint(experiment(leave)))
    driven.backend.send(0, Run((task(0), task(1))))
    driven.until(lambda: driven.of(Died))
    assert [event.number for event in driven.of(TaskDone)] == [0]
    assert driven.of(Died)[0].task == 1


def test_a_unit_may_decide_what_it_makes_of_being_asked_to_end(drive, process_kind):
    begun = Path("begun").absolute()  # workers of a cluster are elsewhere

    def careful(x, random):
        signal.signal(signal.SIGTERM, lambda number, frame: os._exit(7))
        begun.touch()
        time.sleep(PATIENCE)

    driven = drive(process_kind, plan=blueprint(experiment(careful)))
    driven.backend.send(0, Run((task(0),)))
    driven.until(begun.exists)
    driven.backend.kill(0, grace=PATIENCE)
    driven.until(lambda: driven.of(Died))
    assert driven.of(Died)[0].reason == "exit code 7"


@pytest.mark.parametrize("is_at_work", [False, True])
def test_a_worker_that_is_asked_to_end_passes_it_on(drive, isolated, is_at_work):
    def sleep(x, random):
        Path("begun").touch()
        time.sleep(PATIENCE)

    driven = drive(isolated, plan=blueprint(experiment(sleep)))
    if is_at_work:
        driven.backend.send(0, Run((task(0),)))
        driven.until(lambda: os.path.exists("begun"))
    os.kill(driven.of(Ready)[0].pid, signal.SIGTERM)
    driven.until(lambda: driven.of(Died))
    died = driven.of(Died)[0]
    assert (died.reason, died.task) == ("signal 15 (SIGTERM)", 0 if is_at_work else None)


def test_what_was_said_before_a_death_is_told(drive, isolated):
    def count():
        yield from range(1000)
        os._exit(4)

    described = Experiment().add_generator("count", count).save(O("count"), "y").dump("y", when=1000)
    driven = drive(isolated, plan=blueprint(described))
    driven.backend.send(0, Run((task(0),)))
    driven.until(lambda: driven.of(Died))
    assert driven.saved[-1][1].last.iteration == 999


def test_who_is_told_to_stop_is_not_replaced(drive, process_kind):
    driven = drive(process_kind, 2)
    driven.backend.send(0, Stop())
    (stopped,) = [event.pid for event in driven.of(Ready) if event.worker == 0]
    driven.until(lambda: not psutil.pid_exists(stopped))
    driven.backend.send(1, Run((task(0),)))
    driven.until(lambda: driven.of(TaskDone))
    assert len(driven.of(Ready)) == 2
    assert not driven.of(Died)
