"""Who takes too long or too much memory is ended, and nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from research.backends import limits
from research.backends.board import Board
from research.backends.limits import Limits, Watch, held_beyond, read_limits
from research.events import FAILED, TIMEOUT, Died, Ready, Run, TaskDone
from tests.backends.driving import PATIENCE, blueprint, experiment, task

HOLD = "import sys, time; x = bytearray(int(sys.argv[1])); print(flush=True); time.sleep(600)"


class Scene:
    """A watch, with a clock that is set by hand."""

    def __init__(self, limits, held=None):
        self.now = 100.0
        self.held = {} if held is None else held
        self.board = Board(2)
        self.watch = Watch(limits, self.board, 2, lambda: self.now, self.measure)
        for worker in range(2):
            self.watch.note(worker, [Ready(worker, 1000 + worker)])

    def measure(self, pids, most):
        return {pid: size for pid, size in self.held.items() if pid in pids and size > most}

    def at(self, *tasks):
        for worker, number in enumerate(tasks):
            self.board.write(worker, number)

    def look(self, seconds=0.0):
        self.now += seconds
        return [(excess.worker, excess.task, excess.status) for excess in self.watch.look()]


def test_a_task_that_takes_too_long_is_found_once():
    scene = Scene(Limits(timeout=10))
    scene.at(5, None)
    assert scene.look() == []
    assert scene.look(9.9) == []
    assert scene.look(0.2) == [(0, 5, TIMEOUT)]
    assert scene.look(100) == []


def test_the_time_of_a_task_begins_with_it():
    scene = Scene(Limits(timeout=10))
    for number in range(30):
        scene.at(number, None)
        assert scene.look(4) == []
    assert scene.look(9) == []
    assert scene.look(1) == [(0, 29, TIMEOUT)]


def test_a_task_that_is_run_again_has_its_time_again():
    scene = Scene(Limits(timeout=10))
    scene.at(5, None)
    assert scene.look() == []
    scene.now += 9
    scene.watch.note(0, [TaskDone(0, 5, 9.0)])
    assert scene.look(2) == []
    assert scene.look(9) == []
    assert scene.look(1) == [(0, 5, TIMEOUT)]


def test_a_worker_that_has_ended_its_task_meanwhile_is_spared():
    scene = Scene(Limits(timeout=10))
    scene.at(5, 6)
    assert scene.look() == []
    assert scene.look(11) == [(0, 5, TIMEOUT), (1, 6, TIMEOUT)]
    assert list(scene.watch.spared()) == []
    scene.at(7, 6)
    assert list(scene.watch.spared()) == [0]
    assert list(scene.watch.spared()) == []
    assert scene.watch.bury(0) is None
    assert scene.watch.bury(1).task == 6


def test_memory_is_looked_at_while_a_worker_is_at_something():
    scene = Scene(Limits(memory=1000), {1000: 2000, 1001: 999})
    assert scene.look(1) == []
    scene.at(5, 6)
    assert scene.look(1) == [(0, 5, FAILED)]
    assert scene.look(1) == []
    assert scene.watch.bury(0).grace == 0
    scene.held[1001] = 1001
    assert scene.look(1) == [(1, 6, FAILED)]  # nobody knows a process of the other


def test_who_takes_too_much_memory_has_no_time_to_end_by_itself():
    scene = Scene(Limits(10, 1000), {1000: 0})
    scene.at(5, None)
    assert scene.look() == []
    assert scene.look(11) == [(0, 5, TIMEOUT)]
    scene.held[1000] = 2000
    assert scene.look(1) == [(0, 5, FAILED)]
    assert scene.watch.bury(0).status == FAILED


def test_the_memory_of_processes_is_measured():
    family = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}, sys.argv[1]])"
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(size)], stdout=subprocess.PIPE)
        for code, size in ((HOLD, 1_000), (HOLD, 300_000_000), (family, 400_000_000))
    ]
    try:
        for process in started:
            process.stdout.readline()
        held = held_beyond([process.pid for process in started], 200_000_000)
        assert list(held) == [process.pid for process in started[1:]]
        assert 300_000_000 < held[started[1].pid] < 400_000_000 < held[started[2].pid] < 500_000_000
    finally:
        for process in started:
            for child in psutil.Process(process.pid).children():
                child.kill()
            process.kill()
            process.communicate()
    assert held_beyond([started[1].pid], 1) == {}  # it has ended


def test_what_processes_share_counts_once():
    data = bytearray(os.urandom(1000) * 200_000)
    pid = os.fork()
    if pid == 0:
        sum(data[::4096])
        time.sleep(600)
        os._exit(1)
    try:
        assert held_beyond([os.getpid()], len(data))[os.getpid()] < 2 * len(data) + 400_000_000
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_worker_is_asked_to_end_before_it_is_killed(drive, process_kind):
    asked = Path("asked").absolute()  # workers of a cluster are elsewhere

    def careful(x, random):
        signal.signal(signal.SIGTERM, lambda number, frame: (asked.touch(), os._exit(7)))
        time.sleep(PATIENCE)

    driven = drive(process_kind, plan=blueprint(experiment(careful), limits=Limits(timeout=0.5)))
    driven.backend.send(0, Run((task(0), task(1))))
    driven.until(lambda: driven.of(Died))
    (died,) = driven.of(Died)
    assert (died.task, died.status) == (0, TIMEOUT)
    assert died.reason == "it took longer than timeout=0.5 seconds"
    assert asked.exists()
    driven.until(lambda: len(driven.of(Ready)) == 2)


def test_a_unit_that_ends_when_it_is_asked_to_has_ended(drive, process_kind, monkeypatch):
    monkeypatch.setattr(limits, "GRACE_SECONDS", 0.5)

    def obedient(x, random):
        asked = []
        signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
        while not asked and x == 0:
            time.sleep(0.01)
        return x

    driven = drive(process_kind, plan=blueprint(experiment(obedient), limits=Limits(timeout=0.5)))
    driven.backend.send(0, Run((task(0), task(1))))
    driven.until(lambda: len(driven.of(TaskDone)) == 2)
    deadline = time.monotonic() + 1  # longer than a worker has to end by itself
    while time.monotonic() < deadline:
        driven.said.extend(driven.backend.events(0.1))
    assert not driven.of(Died)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, None, True), r"`timeout` must be a positive number of seconds or None, got 0"),
        (("1", None, True), r"`timeout` must be .*got '1'"),
        ((float("inf"), None, True), r"`timeout` must be .*got inf"),
        ((True, None, True), r"`timeout` must be .*got True"),
        ((None, 0, True), r"`memory_limit` must be a positive number of bytes.*got 0"),
        ((None, "4 XB", True), r"`memory_limit` must be .*got '4 XB'"),
        ((None, "1.2.3 GB", True), r"`memory_limit` must be .*got '1.2.3 GB'"),
        ((None, "-1 GB", True), r"`memory_limit` must be .*got '-1 GB'"),
        ((None, True, True), r"`memory_limit` must be .*got True"),
        ((1, None, False), r"`timeout=1` needs `parallel=True`"),
        ((None, "1 GB", False), r"`memory_limit='1 GB'` needs `parallel=True`"),
    ],
)
def test_limits_that_mean_nothing(arguments, message):
    with pytest.raises(ValueError, match=message):
        read_limits(*arguments)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1GB", 10**9),
        ("1.5 gb", 15 * 10**8),
        ("2 MiB", 2**21),
        ("100 B", 100),
        ("1 kB", 1000),
        (5, 5),
        (1e9, 10**9),
    ],
)
def test_sizes_with_units(text, size):
    assert read_limits(None, text, True) == (None, size)
