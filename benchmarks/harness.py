"""Measuring contenders in turn: fresh interpreters, the same environment, empty folders, medians."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.question import FULL, TINY, Case, Contender

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 1200.0  # seconds that one run of one contender may take


class Failed(Exception):
    """A contender that did not do its work, and why."""


@dataclass
class Figure:
    """What a contender cost.

    Parameters
    ----------
    contender : Contender
    count : int
        How many units it did.
    measure : 'seconds', 'bytes' or what a value is called
    costs : list of float
        What `run` returned, round after round.
    why_not : str
        Why there are no more of them.
    """

    contender: Contender
    count: int
    measure: str
    costs: list[float] = field(default_factory=list)
    why_not: str = ""

    @property
    def each(self) -> float | None:
        """The median, in microseconds for one unit, in megabytes or as it is; None if it was not measured."""
        if self.why_not or not self.costs:
            return None
        median = statistics.median(self.costs)
        if self.measure == "seconds":
            return median / self.count * 1e6
        return median / 1e6 if self.measure == "bytes" else median


@dataclass
class Answer:
    """Figures of all contenders of a case, ours first. Aims are for the full size."""

    question: str
    case: Case
    size: int
    figures: list[Figure]

    def ratio(self, figure: Figure) -> float | None:
        """Return our rate as a ratio to another's; None for ours, and for all but times."""
        ours = self.figures[0]
        if figure is ours or figure.measure != "seconds" or ours.each is None or figure.each is None:
            return None
        return figure.each / ours.each

    def is_met(self, figure: Figure) -> bool | None:
        """Return whether the aim is met; None where there is none, or nothing was measured."""
        ratio, each, contender = self.ratio(figure), figure.each, figure.contender
        if self.size != FULL:
            return None
        if contender.at_least is not None and ratio is not None:
            return ratio >= contender.at_least
        if contender.at_most is not None and each is not None:
            return each <= contender.at_most
        return None


def run(module: str, function: str, count: int, folder: Path, patience: float = PATIENCE) -> float | None:
    """Run one function of a question in a fresh interpreter; return what it says it cost.

    Raises
    ------
    Failed
        If it ended in an error, or took longer than `patience` seconds.
    """
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONHASHSEED": "0",
        "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    }
    # peers were compiled when they were installed; what lies here is compiled by the first run of all
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as beside:
        figure, output = Path(beside, "figure"), Path(beside, "output")
        with output.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", module, "--run", function, str(count), str(figure)],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                raise Failed(f"took longer than {patience:.0f} s") from None
            finally:
                _end(process)
        if process.returncode:
            raise Failed(_reason(output.read_text(errors="replace"), process.returncode))
        return float(figure.read_text()) if figure.exists() else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with what it has started, and what it has left in its group."""
    started = []
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True) if process.returncode is None else []
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for child in started:  # some lead groups of their own
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    process.wait()


def _reason(output: str, code: int) -> str:
    """Return why it failed: a line of what it printed, if it had time to say anything."""
    if code < 0:
        return f"ended by signal {-code}"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:160] if lines else f"exit code {code}, and no word"


def measure(module: str, case: Case, size: int, rounds: int, with_peers: bool = True) -> Answer:
    """Run all contenders of a case in turn, again and again, and return their figures."""
    figures = [
        Figure(contender, (contender.counts or case.counts)[size], case.measure)
        for contender in case.contenders
    ]
    with contextlib.ExitStack() as stack:
        folders = [
            Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            for _ in figures
        ]
        for figure, folder in zip(figures, folders, strict=True):
            if figure.contender.needs is not None and not with_peers:
                figure.why_not = "was not asked"
                continue
            with _noting(figure):
                _make_ready(module, case, figure, size, folder)
        pairs = list(zip(figures, folders, strict=True))
        for number in range(rounds):
            first = number % len(pairs)  # who may find the machine's memory as no other does
            for figure, folder in pairs[first:] + pairs[:first]:
                if not figure.why_not and number < (figure.contender.most_rounds or rounds):
                    os.sync()  # what the one before has left to write
                    _take_memory(case.memory if size == FULL else 0)
                    with _noting(figure):
                        figure.costs.append(_cost(module, figure.contender, figure.count, folder))
    return Answer(module.rpartition(".")[2], case, size, figures)


def _take_memory(size: int) -> None:
    """Use memory, if there is so much to spare, and give it back."""
    if 0 < size < psutil.virtual_memory().available // 2:
        with mmap.mmap(-1, size) as memory:
            for place in range(0, size, mmap.PAGESIZE):
                memory[place] = 1


def _make_ready(module: str, case: Case, figure: Figure, size: int, folder: Path) -> None:
    """See that a contender works at all (modules are compiled then, and in memory), or prepare its folder."""
    contender = figure.contender
    if contender.prepare is not None:
        run(module, contender.prepare.__name__, figure.count, folder)
    elif size != TINY and contender.most_rounds is None:
        _cost(module, contender, (contender.counts or case.counts)[TINY], folder)


def _cost(module: str, contender: Contender, count: int, prepared: Path) -> float:
    if contender.prepare is not None:
        cost = run(module, contender.run.__name__, count, prepared)
    else:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
            cost = run(module, contender.run.__name__, count, Path(empty))
    if cost is None:
        raise Failed(f"{contender.run.__name__} returned nothing")
    return cost


@contextlib.contextmanager
def _noting(figure: Figure) -> Iterator[None]:
    """Note why a contender failed, and go on with others."""
    try:
        yield
    except Failed as failure:
        figure.why_not = str(failure)


def failed(answers: Sequence[Answer]) -> list[Figure]:
    """Return figures of contenders that need no peer, and did not work all the same."""
    figures = [figure for answer in answers for figure in answer.figures]
    return [figure for figure in figures if figure.why_not and figure.contender.needs is None]


def as_json(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return figures as plain data."""
    return [
        {
            "question": answer.question,
            "case": answer.case.title,
            "unit": answer.case.unit,
            "contender": figure.contender.title,
            "count": figure.count,
            "measure": figure.measure,
            "costs": figure.costs,
            "each": figure.each,
            "our_rate_to_its": answer.ratio(figure),
            "aim_at_least": figure.contender.at_least,
            "aim_at_most": figure.contender.at_most,
            "is_met": answer.is_met(figure),
            "why_not": figure.why_not or None,
        }
        for answer in answers
        for figure in answer.figures
    ]
