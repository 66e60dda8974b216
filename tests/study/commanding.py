"""Programs for units, and ways to see what became of them."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from pathlib import Path

import psutil

from research import Executor, Experiment

HOWS = {
    "fork": {"workers": 2},
    "spawn": {"workers": 2, "start_method": "spawn"},
    "a process per task": {"workers": 2, "isolation": "experiment"},
    "inline": {"parallel": False},
    "branches": {"workers": 2, "branches": 3},
    "dask": {"workers": 2, "backend": "dask"},
}
ROOT = str(Path(__file__).parents[2])


def script(code, name="program.py"):
    """Write a program; return the beginning of its command line."""
    Path(name).write_text("import json, os, sys, time\n" + textwrap.dedent(code))
    return f"{sys.executable} -I -S {os.path.abspath(name)}"


def sleepers(mark):
    """Return processes that sleep for a time that nobody else would choose."""
    found = []
    for process in psutil.process_iter():
        try:
            if mark in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            pass
    return found


def all_gone(mark, seconds=5):
    until = time.monotonic() + seconds
    while sleepers(mark) and time.monotonic() < until:
        time.sleep(0.02)
    left = sleepers(mark)
    for process in left:
        process.kill()
    return not left


def run(command, config=(), **how):
    """Run a program by itself; return what was saved, or raise what went wrong."""
    experiment = Experiment().add_command(command, **how)
    (done,) = Executor(experiment, configs=[dict(config)]).run().experiments
    if done.errors:
        raise done.errors[0].exception
    return done.results
