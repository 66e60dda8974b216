"""Answers as a table for people and as JSON for programs, with the machine and the versions they hold for."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import ROOT, Answer, Figure, as_json

LIBRARIES = ("domain-research", "numpy", "pandas", "SQLAlchemy", "scipy", "psutil", "dill", "multiprocess")


def table(answer: Answer) -> str:
    """Return one case as lines."""
    case = answer.case
    names = {"seconds": f"us / {case.unit}", "bytes": "MB"}
    each = names.get(case.measure, case.measure)
    lines = [
        f"{answer.question}: {case.title}",
        f"  {'':<34}{'count':>11}{'total':>10}{each:>18}{'our rate / its':>16}   aim",
    ]
    return "\n".join(lines + [_line(answer, figure) for figure in answer.figures])


def _line(answer: Answer, figure: Figure) -> str:
    start = f"  {figure.contender.title:<34}{figure.count:>11,}"
    if figure.each is None:
        return f"{start}   not measured: {figure.why_not}"
    ratio = answer.ratio(figure)
    total = f"{figure.each * figure.count / 1e6:.3f} s" if figure.measure == "seconds" else ""
    compared = "" if ratio is None else f"{ratio:.3g}"
    return f"{start}{total:>10}{figure.each:>18,.4g}{compared:>16}   {_aim(answer, figure)}".rstrip()


def _aim(answer: Answer, figure: Figure) -> str:
    is_met = answer.is_met(figure)
    if is_met is None:
        return ""
    least, most = figure.contender.at_least, figure.contender.at_most
    text = f"at least {least:.3g}" if least is not None else f"at most {most:,.4g}"
    return text if is_met else f"{text}: missed"


def machine(peers: Sequence[str]) -> dict[str, Any]:
    """Describe this machine, and the versions that are installed."""
    versions: dict[str, str | None] = {}
    for name in (*LIBRARIES, *peers):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(psutil.Process().cpu_affinity())
        if hasattr(psutil.Process, "cpu_affinity")
        else os.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "folder": tempfile.gettempdir(),
        "filesystem": _filesystem(Path(tempfile.gettempdir())),
        "load": os.getloadavg(),
        "commit": _commit(),
        "versions": versions,
    }


def described(facts: dict[str, Any]) -> str:
    """Return a machine as lines."""
    versions = ", ".join(f"{name} {number or 'not installed'}" for name, number in facts["versions"].items())
    memory = f"{facts['memory'] / 2**30:.0f} GiB"
    return (
        f"{facts['processor']}, {facts['cores']} cores, {memory}, {facts['system']}\n"
        f"Python {facts['python']}; {versions}\n"
        f"files in {facts['folder']} ({facts['filesystem']}), load {facts['load'][0]:.2f}, "
        f"commit {facts['commit'] or 'unknown'}"
    )


def _processor() -> str:
    """Return the name of the processor, which Python knows on few systems."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _filesystem(path: Path) -> str:
    """Return the type of the file system that a path is on."""
    mounts = [part for part in psutil.disk_partitions(all=True) if path.is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else "unknown"


def _commit() -> str | None:
    """Return the commit of this checkout, with a `+` where files were changed since."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def write(answers: Sequence[Answer], facts: dict[str, Any], path: Path) -> None:
    """Write answers for programs; the file is whole at any time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps({"machine": facts, "results": as_json(answers)}, indent=2) + "\n")
    new.replace(path)
