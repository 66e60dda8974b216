"""When processes began. Linux says so in files; elsewhere psutil knows, which takes some time to load."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def start_of(pid: int) -> str | None:
    """Return when a process of this machine began, in whatever unit; None if there is none, or it has ended.

    Where the kernel says it, this is in ticks since the machine was started: a clock that is set changes the
    time of day of a process that began before. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    if _is_told():
        try:
            text = _PROC.joinpath(f"{pid}/stat").read_text("utf-8", "replace")
        except OSError:
            return None
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.NoSuchProcess:
        return None


def time_of_start(pid: int) -> float | None:
    """Return the time of day at which a process of this machine began, in seconds since the epoch.

    None if there is none, or it has ended.
    """
    start = start_of(pid)
    if start is None or not _is_told():
        return None if start is None else float(start)
    lines = _PROC.joinpath("stat").read_text().splitlines()
    (booted,) = [line.split()[1] for line in lines if line.startswith("btime ")]
    return int(booted) + int(start) / os.sysconf("SC_CLK_TCK")


def _is_told() -> bool:
    return _PROC.joinpath("self").exists()
