"""A disk of a megabyte or so, for a program of its own: mounted where nobody else sees it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

PREAMBLE = """
import os, subprocess, sys, time
from pathlib import Path
from research import *
from research.errors import StudyError

def mount(*options):
    subprocess.run(["mount", *options], check=True)

def make_room():
    mount("-o", "remount,size=200m", os.getcwd())

def fill(leave=0):
    with open("filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    os.truncate("filler", os.path.getsize("filler") - leave)

def refused(study, **how):
    try:
        study.run(bar=False, seed=1, **how)
    except StudyError as error:
        return str(error)
    raise AssertionError(f"there was room: {study.monitor.counts}")

def values(study):
    table = study.results.df
    return dict(zip(table["a"], table["v"]))

os.mkdir("disk")
mount("-t", "tmpfs", "-o", f"size={sys.argv[1]}", "tmpfs", "disk")
os.chdir("disk")
"""


def run_on_small_disk(code, size="1m"):
    """Run a program in a folder that is a disk of its own; return what it said on stderr."""
    alone = (
        ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    )
    try:
        works = subprocess.run([*alone, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no `unshare` here")
    if works.returncode:
        pytest.skip(f"nothing can be mounted here: {works.stderr.decode().strip()}")
    with open("script.py", "w") as file:
        file.write(PREAMBLE + textwrap.dedent(code))
    done = subprocess.run(
        [*alone, sys.executable, "script.py", size],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr
