"""Units that print, and ways to see what became of it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from research import EC, Domain, Research

HOWS = {
    "fork": {"workers": 2},
    "spawn": {"workers": 2, "start_method": "spawn"},
    "inline": {"parallel": False},
    "dask": {"workers": 2, "backend": "dask"},
}


def speak(a):
    """Print the same from Python, from C and from another process."""
    import ctypes
    import subprocess
    import sys

    libc = ctypes.CDLL(None)
    for n in range(2):
        print("python", a, n)
        libc.printf(b"c %d %d\n", a, n)
        subprocess.run(["echo", f"process {a} {n}"], check=True)
        print("error", a, n, file=sys.stderr)
    libc.puts(f"last {a}".encode())


def spoken(a, stream=None):
    lines = [f"{who} {a} {n}\n" for n in range(2) for who in ("python", "c", "process")]
    texts = {"stdout": "".join(lines) + f"last {a}\n", "stderr": f"error {a} 0\nerror {a} 1\n"}
    return texts["stdout"] + texts["stderr"] if stream is None else texts[stream]


def study_of(function, n=6, name="study"):
    return Research(name, Domain(a=range(n))).add_callable("unit", function, a=EC("a"), save_to="b")


def logs(study, stream=None):
    """Return what each experiment printed, by its parameter `a`."""
    results = study.results if isinstance(study, Research) else study
    return {config["a"]: results.log(id_, stream) for id_, config in results.configs.items()}


def run_script(folder, code):
    """Run a program in a folder; return how it ended and what it showed."""
    (folder / "script.py").write_text(textwrap.dedent(code))
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    variables = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, env=variables)
    assert done.returncode == 0, done.stderr
    return done
