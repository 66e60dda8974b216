"""Measuring a program against its peer: fresh interpreters, alternating, medians, a ratio."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Question:
    """What is asked.

    Parameters
    ----------
    title : str
    unit : str
        What is counted.
    count : int
        How many of it each program does.
    ours, peer : str
        Names of programs; each prints the seconds that its work took, as its last line.
    """

    title: str
    unit: str
    count: int
    ours: str
    peer: str


def seconds(program: str, count: int) -> float:
    """Run a program in a fresh interpreter and an empty folder; return the seconds that it prints."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(PROGRAMS / f"{program}.py"), str(count)],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"{program} failed:\n{done.stderr}")
    return float(done.stdout.split()[-1])


def measure(question: Question, rounds: int) -> dict[str, object]:
    """Run both programs in turn, and return what came out."""
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(seconds(question.ours, question.count))
        peer.append(seconds(question.peer, question.count))
    mine, theirs = statistics.median(ours), statistics.median(peer)
    return {
        "question": question.title,
        "unit": question.unit,
        "count": question.count,
        "ours": question.ours,
        "peer": question.peer,
        "ours_microseconds": mine / question.count * 1e6,
        "peer_microseconds": theirs / question.count * 1e6,
        "rate_ratio": theirs / mine,
        "ours_seconds": ours,
        "peer_seconds": peer,
    }


def table(rows: list[dict[str, object]]) -> str:
    """Return results for people."""
    lines = [f"{'question':<44}{'ours':>12}{'peer':>12}{'our rate / peer rate':>24}"]
    lines += [
        f"{row['question']:<44}{row['ours_microseconds']:>9.1f} us{row['peer_microseconds']:>9.1f} us"
        f"{row['rate_ratio']:>24.3f}"
        for row in rows
    ]
    return "\n".join(lines)


def write(rows: list[dict[str, object]], path: Path) -> None:
    """Write results for programs, with the machine and versions they hold for."""
    import platform
    from importlib.metadata import version

    names = ("domain-research", "joblib", "numpy", "SQLAlchemy")
    machine = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "versions": {name: version(name) for name in names},
    }
    path.write_text(json.dumps({"machine": machine, "results": rows}, indent=2) + "\n")
