"""What a worker that dies had printed is kept, and is the word of the experiment that it was at."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from research import EC, Domain, Research
from tests.study.speaking import logs, study_of


def _kill():
    os.kill(os.getpid(), signal.SIGKILL)


def _crash():
    import ctypes
    import faulthandler

    faulthandler.disable()  # whoever runs these tests has it tell them on their own stderr
    ctypes.string_at(0)


ENDS = {"SIGKILL": _kill, "exit": lambda: os._exit(3), "crash": _crash}


@pytest.fixture(params=["fork", "spawn", pytest.param("dask", marks=pytest.mark.slow)])
def start_method(request):
    """Name each way to start a worker in turn."""
    return request.param


def by(start_method):
    """Return what `run` is told of it."""
    return {"backend": "dask"} if start_method == "dask" else {"start_method": start_method}


@pytest.mark.parametrize("dump_results", [True, False], ids=["folder", "memory"])
@pytest.mark.parametrize("isolation", ["worker", "experiment"])
@pytest.mark.parametrize("end", list(ENDS))
def test_last_words_are_kept(end, isolation, start_method, dump_results):
    end = ENDS[end]

    def work(a):
        import ctypes
        import subprocess

        for n in range(100):
            print("python", a, n)
            ctypes.CDLL(None).printf(b"c %d %d\n", a, n)
        subprocess.run(["echo", f"process {a}"], check=True)
        if a == 7:
            end()
        return a

    how = {**by(start_method), "isolation": isolation, "dump_results": dump_results}
    study = study_of(work, 12).run(bar=False, workers=2, **how)
    assert study.monitor.counts == {"done": 11, "lost": 1}
    for a, log in logs(study, "stdout").items():
        lines = [f"{who} {a} {n}" for n in range(100) for who in ("python", "c")]
        assert log.splitlines() == [*lines, f"process {a}"]


def test_a_worker_killed_in_the_middle_of_printing(start_method):
    def work(a):
        import os
        import signal
        import threading

        if a % 5 == 3:
            threading.Timer(0.02 * a, os.kill, (os.getpid(), signal.SIGKILL)).start()
            n = 0
            while True:
                print(a, n)
                n += 1
        print(a)

    study = study_of(work, 15).run(bar=False, workers=2, **by(start_method))
    assert study.monitor.counts == {"done": 12, "lost": 3}
    for a, log in logs(study, "stdout").items():
        if a % 5 == 3:
            *lines, last = log.split("\n")
            assert lines == [f"{a} {n}" for n in range(len(lines))]
            assert f"{a} {len(lines)}".startswith(last)
            assert len(lines) > 10
        else:
            assert log == f"{a}\n"


def test_those_that_run_again_are_logged_once(start_method):
    def work(a):
        import os

        print("begun", a)
        if a % 100 == 50:
            os._exit(1)
        print("done", a)

    study = study_of(work, 400).run(bar=False, workers=2, **by(start_method))
    assert study.monitor.counts == {"done": 396, "lost": 4}
    for a, log in logs(study).items():
        assert log == f"begun {a}\n" + ("" if a % 100 == 50 else f"done {a}\n")
    whole = Path("study/stdout.txt").read_text().splitlines()
    assert {line for line in whole if line.startswith("done")} == {
        f"done {a}" for a in range(400) if a % 100 != 50
    }


def test_branches_one_after_another_have_their_own_last_words(start_method):
    def work(a):
        import ctypes
        import os

        for n in range(5):
            print("python", a, n)
            ctypes.CDLL(None).printf(b"c %d %d\n", a, n)
            if (a, n) == (4, 3):
                os._exit(1)
            yield n

    described = Research("study", Domain(a=range(9))).add_generator("work", work, a=EC("a"), save_to="n")
    study = described.run(bar=False, branches=3, n_iters=5, executor_target="for", **by(start_method))
    assert study.monitor.counts == {"done": 6, "lost": 3}
    for a, log in logs(study).items():
        count = {3: 4, 4: 4, 5: 3}.get(a, 5)
        assert log.splitlines() == [f"{who} {a} {n}" for n in range(count) for who in ("python", "c")]


def test_branches_in_threads_have_their_own_last_words(start_method):
    def work(a):
        import os

        for n in range(5):
            print("python", a, n)
            yield n
            if (a, n) == (4, 3):
                os.write(1, b"all of them\n")
                os._exit(1)

    described = Research("study", Domain(a=range(9))).add_generator("work", work, a=EC("a"), save_to="n")
    study = described.run(bar=False, branches=3, n_iters=5, **by(start_method))
    assert study.monitor.counts == {"done": 6, "lost": 3}
    for a, log in logs(study).items():
        lines = [line for line in log.splitlines() if line.startswith("python")]
        assert lines[:4] == [f"python {a} {n}" for n in range(4)]
        assert lines[4:] in ([], [f"python {a} 4"]) if a in (3, 4, 5) else len(lines) == 5
        assert ("all of them" in log) == (a in (3, 4, 5))
    assert Path("study/stdout.txt").read_text().count("all of them") == 1
