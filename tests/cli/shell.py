"""The command as a process, and files for it."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import research
from research.cli.main import run_command

ROOT = Path(research.__file__).parents[1]
COMMAND = (sys.executable, "-m", "research")

FIT = """
    from research import Domain

    def fit(C, gamma):
        print("fitting", C)
        if C == 10 and gamma == 0.1:
            raise ValueError("too narrow")
        return {"accuracy": C * gamma}

    domain = Domain(C=[1, 10]) * Domain(gamma=[0.1, 0.2])

    if __name__ == "__main__":
        raise SystemExit("this was run as a program")
"""


def environment(**variables):
    return {**os.environ, "PYTHONPATH": str(ROOT), **variables}


def write(name, text):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def shell(*arguments, **variables):
    """Run the command, return what came of it."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(**variables),
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def said(*arguments, status=0, **variables):
    """Return what the command printed, after a look at its exit status."""
    done = shell(*arguments, **variables)
    assert done.returncode == status, done.stderr
    return done.stdout


def told(*arguments, status=0):
    """Return what the command prints in this process, where one of its own is not the point."""
    out, err = (io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        ended = run_command([str(item) for item in arguments])
    printed, problem = (stream.buffer.getvalue().decode() for stream in (out, err))
    assert ended == status, problem
    return problem if status else printed


def words(text):
    """Return the words of each line: columns may be of any width."""
    return [line.split() for line in text.splitlines()]
