"""Without processes, what units print is taken from this one, and it gets its streams back."""

from __future__ import annotations

import ctypes
import os
import sys

import pytest

from research import ResearchResults
from tests.study.speaking import logs, study_of


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_without_processes_everything_is_put_back(error, capfd):
    def fail(a):
        print("captured")
        ctypes.CDLL(None).puts(b"captured by C")
        if error is not None:
            raise error

    before = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
    names = [os.readlink(f"/proc/self/fd/{number}") for number in (1, 2)]
    options = {"parallel": False, "executor_target": "for", "debug": True, "redirect_stdout": 2}
    try:
        study_of(fail, 1).run(bar=False, redirect_stderr=2, **options)
    except (ValueError, KeyboardInterrupt) as raised:
        assert type(raised) is error
    assert (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__) == before
    assert [os.readlink(f"/proc/self/fd/{number}") for number in (1, 2)] == names
    print("shown")
    end = "study: stopped, with 0 experiments done; run(resume=True) goes on with it\n"
    assert capfd.readouterr() == ("shown\n", end if error is KeyboardInterrupt else "")
    assert logs(ResearchResults("study"), "stdout") == {0: "captured\ncaptured by C\n"}


def test_who_debugs_sees_what_units_print(capfd):
    study_of(lambda a: print("seen"), 1).run(bar=False, parallel=False, executor_target="for", debug=True)
    assert capfd.readouterr().out == "seen\n"


@pytest.mark.parametrize("target", ["for", "threads"])
def test_the_bar_and_log_handlers_reach_the_terminal_while_a_unit_waits(target, capfd):
    class Bar:
        def __init__(self, **kwargs):
            self.total = None

        def update(self, n):
            print("bar", n, file=sys.stderr)

        set_description = refresh = close = lambda self, *args, **kwargs: None

    def work(a):
        print("unit", a)

    described = study_of(work, 2).dump(when=1)
    study = described.run(bar=Bar, parallel=False, n_iters=2, branches=2, executor_target=target)
    out, err = capfd.readouterr()
    assert out == ""
    assert set(err.splitlines()) <= {"bar 0", "bar 1", "bar 2"}
    assert err.count("bar") >= 2
    assert logs(study) == {a: f"unit {a}\n" * 2 for a in range(2)}
