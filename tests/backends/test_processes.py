"""What workers in processes promise beyond what every backend does: they may die."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from research import Domain
from research.backends.base import WorkerSpec
from research.backends.processes import ProcessBackend
from research.errors import StudyError
from research.events import Died, Ended, Ready, Replace, Run, StartFailed, TaskDone
from tests.backends.driving import blueprint, experiment, task


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "signal 9 (SIGKILL)"),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), "signal 15 (SIGTERM)"),
        (lambda: os._exit(3), "exit code 3"),
        (lambda: os._exit(0), "exit code 0"),
    ],
    ids=["SIGKILL", "SIGTERM", "exit 3", "exit 0"],
)
def test_a_worker_that_dies_is_replaced_and_its_task_is_named(drive, process_kind, end, reason):
    def work(x, random):
        if x == 3:
            end()
        return x

    driven = drive(process_kind, 2, blueprint(experiment(work)))
    driven.backend.send(0, Run(tuple(map(task, range(6)))))
    driven.until(lambda: driven.of(Died))
    (died,) = driven.of(Died)
    assert (died.worker, died.reason, died.task) == (0, reason, 3)
    driven.until(lambda: len(driven.of(Ready)) == 3)
    driven.backend.send(0, Run((task(4), task(5))))
    driven.until(lambda: {event.number for event in driven.of(TaskDone)} >= {4, 5})


def test_a_worker_killed_while_it_waits_was_at_no_task(drive, process_kind):
    driven = drive(process_kind)
    os.kill(driven.of(Ready)[0].pid, signal.SIGKILL)
    driven.until(lambda: driven.of(Died) and len(driven.of(Ready)) == 2)
    assert driven.of(Died)[0].task is None


def test_a_worker_can_be_ended_from_outside(drive, process_kind):
    def stubborn(x, random):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)

    driven = drive(process_kind, plan=blueprint(experiment(stubborn)))
    driven.backend.send(0, Run((task(0),)))
    time.sleep(0.3)
    driven.backend.kill(0, grace=0.2)
    driven.until(lambda: driven.of(Died))
    assert driven.of(Died)[0].reason == "signal 9 (SIGKILL)"


def test_processes_that_a_unit_leaves_behind_end_with_its_worker(drive, process_kind):
    def leave(x, random):
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid

    driven = drive(process_kind, plan=blueprint(experiment(leave)))
    driven.backend.send(0, Run((task(0),)))
    driven.until(lambda: driven.of(TaskDone))
    ((_, block),) = driven.saved
    pid = int(block.last.number)
    assert alive(pid)
    driven.backend.close()
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def test_workers_at_work_end_when_the_backend_is_closed(drive, process_kind):
    driven = drive(process_kind, 2, blueprint(experiment(lambda x, random: time.sleep(60))))
    for worker in range(2):
        driven.backend.send(worker, Run((task(worker),)))
    time.sleep(0.2)
    driven.backend.close()
    assert not any(alive(event.pid) for event in driven.of(Ready))


def test_under_fork_nothing_needs_to_be_pickled(drive):
    generator = (n for n in range(100))
    array = np.arange(10.0)

    def work(x, random):
        return next(generator) + array[x]

    plan = blueprint(experiment(work))
    driven = drive("fork", plan=plan)
    driven.backend.send(0, Run((task(1),)))
    driven.until(lambda: driven.of(TaskDone))
    assert driven.of(Ended)[0].status == "done"


def test_under_spawn_what_cannot_be_pickled_is_an_error_with_the_way_out():
    generator = (n for n in range(100))
    backend = ProcessBackend("spawn")
    with pytest.raises(StudyError, match="use start_method='fork'"):
        backend.start(blueprint(experiment(lambda x, random: next(generator))), [WorkerSpec({}, 1)])
    backend.close()


def test_workers_that_cannot_start_are_reported_not_tried_for_ever(drive):
    class Refuses:
        def __reduce__(self):
            return os._exit, (5,)

    backend = ProcessBackend("spawn")
    backend.start(blueprint(domains=(Domain(x=[Refuses()]),)), [WorkerSpec({}, 1)])
    said = []
    deadline = time.monotonic() + 60
    while not any(isinstance(event, StartFailed) for event in said) and time.monotonic() < deadline:
        said.extend(backend.events(0.1))
    backend.close()
    (failed,) = [event for event in said if isinstance(event, StartFailed)]
    assert "exit code 5" in failed.reason


def test_a_domain_that_no_worker_can_unpickle_is_reported(drive, process_kind):
    class Refuses:
        def __reduce__(self):
            return int, ("no number",)

    driven = drive(process_kind)
    driven.backend.send(0, Replace(1, Domain(x=[Refuses()])))
    driven.until(lambda: driven.of(StartFailed))
    assert "no number" in driven.of(StartFailed)[0].reason
    driven.backend.send(0, Run((task(1),)))
    driven.until(lambda: driven.of(TaskDone))


def test_a_start_method_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="'forkserver'"):
        ProcessBackend("forkserver")


def test_workers_use_as_many_threads_as_they_may(drive, process_kind):
    def threads(x, random):
        from threadpoolctl import threadpool_info

        np.ones((2, 2)) @ np.ones((2, 2))
        return [os.environ["OMP_NUM_THREADS"], *(pool["num_threads"] for pool in threadpool_info())]

    driven = drive(process_kind, plan=blueprint(experiment(threads)))
    driven.backend.send(0, Run((task(0),)))
    driven.until(lambda: driven.of(TaskDone))
    ((_, block),) = driven.saved
    (stored,) = block.objects
    assert set(map(str, pickle.loads(stored.data))) == {"1"}
    assert os.environ.get("OMP_NUM_THREADS") != "1" or "OMP_NUM_THREADS" in os.environ


@pytest.mark.parametrize("victim", ["driver", "nursery"])
def test_workers_end_by_themselves_when_who_started_them_is_killed(victim, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys, time\n"
        "from research import *\n"
        "def work(x):\n"
        "    open(f'worker{x}', 'w').write(str(os.getpid()))\n"
        "    time.sleep(60)\n"
        "study = Research('study', Domain(x=[0, 1])).add_callable(work, x=EC('x'))\n"
        "study.run(workers=2, bar=False)\n"
    )
    driver = subprocess.Popen([sys.executable, script], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        files = [tmp_path / "worker0", tmp_path / "worker1"]
        while not all(file.exists() and file.read_text() for file in files) and time.monotonic() < deadline:
            time.sleep(0.05)
        workers = [int(file.read_text()) for file in files]
        (nursery,) = psutil.Process(driver.pid).children()
        (nursery if victim == "nursery" else driver).kill()
        deadline = time.monotonic() + 5
        while any(map(alive, [*workers, nursery.pid])) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(map(alive, [*workers, nursery.pid]))
        assert driver.wait(10) != 0
    finally:
        driver.kill()


def much(x, random):
    return np.zeros(2_000_000)


def test_neither_side_waits_for_the_other_when_both_have_much_to_say(drive, process_kind):
    driven = drive(process_kind, 1, blueprint(experiment(much)))
    driven.backend.send(0, Run((task(0),)))
    time.sleep(0.5)  # until its pipe is full, and nobody reads
    for generation in (1, 2, 3):  # more than a pipe holds
        driven.backend.send(0, Replace(generation, Domain(x=list(range(300_000)))))
    driven.backend.send(0, Run((task(1),)))
    driven.until(lambda: len(driven.of(TaskDone)) == 2)


def test_a_worker_that_is_suspended_while_it_speaks_keeps_nobody_waiting(drive, process_kind):
    driven = drive(process_kind, 2, blueprint(experiment(much)))
    first = next(event.pid for event in driven.of(Ready) if event.worker == 0)
    driven.backend.send(0, Run((task(0),)))
    time.sleep(0.5)
    os.killpg(os.getpgid(first), signal.SIGSTOP)
    driven.backend.send(1, Run((task(1),)))
    driven.until(lambda: any(event.worker == 1 for event in driven.of(TaskDone)))
    os.killpg(os.getpgid(first), signal.SIGCONT)
    driven.until(lambda: len(driven.of(TaskDone)) == 2)
