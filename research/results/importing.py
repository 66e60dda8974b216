"""Results of jobs that were run elsewhere, brought back into their study."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

from research.errors import ProgramError, StudyError, StudyNotFoundError, shorten
from research.events import DONE, FAILED, STOPPED, Block, Ended, Failure, Member, Values
from research.experiment.answers import Reports, read_last_line, read_result_file
from research.experiment.experiment import check_variable
from research.experiment.external import MOST_KEPT
from research.experiment.jobs import JOBS, NOTES, RESULT, STARTED, STATUS
from research.reporting import FILE
from research.storage.base import Closed, ExperimentRow, Record, Registered, Store
from research.storage.copying import copy_tree
from research.storage.damage import readable
from research.storage.encoding import encode_block, freeze
from research.storage.files import inside, is_file_name
from research.storage.folder import EXPERIMENTS, NewFolder

_END = 2000  # characters of what a job has printed that are shown


class _Outcome(NamedTuple):
    """What became of a job."""

    started: float | None
    finished: float
    values: dict[str, dict[int, Any]]
    problem: str | None


class Importing:
    """`import_batch` of results."""

    @classmethod
    def import_batch(cls, folder: str | os.PathLike[str], into: str | os.PathLike[str] | None = None) -> Self:
        """Bring what the jobs of `Research.export_batch` have found out into their study.

        Jobs that have not ended stay queued, and are done by the next call, when they have, or by `run` of
        the study, which goes on with it. A job that has failed has its experiment fail; if it is run again
        and ends well, the next call takes that. What is in the folders of jobs is copied to those of the
        experiments. It is read as data, and runs nothing.

        Parameters
        ----------
        folder : path
            That of the batch, wherever it is now.
        into : path, optional
            The study. Default: where it was when the batch was exported, as seen from the batch.

        Returns
        -------
        ResearchResults
            Of the study.

        Raises
        ------
        StudyNotFoundError
            If the folder is no batch, or its study is not there.
        StudyError
            If the batch is of another study, or the study is running.
        DamagedStudyError
            If something leads out of a folder by a link.
        """
        top = Path(os.fsdecode(folder)).absolute()
        notes = _read_notes(top)
        path = Path(os.path.normpath(top / notes["study"])) if into is None else Path(os.fsdecode(into))
        try:
            taken = NewFolder.of_study(str(path))
        except StudyNotFoundError:
            raise StudyNotFoundError(
                f"the study of the batch in {str(top)!r} is not in {str(path)!r}: say where it is, by `into`"
            ) from None
        from research.storage.opening import open_store

        with taken, ExitStack() as stack:
            store = open_store(taken.path, stack, lambda text: None)
            with readable(path):
                _Import(store, taken.path, top, notes).take()
        return cast("Callable[[Path], Self]", cls)(path)


def _read_notes(top: Path) -> dict[str, Any]:
    try:
        notes = json.loads((top / NOTES).read_bytes())
    except FileNotFoundError:
        raise StudyNotFoundError(f"there is no batch in {str(top)!r}: it has no {NOTES}") from None
    except ValueError as error:
        raise StudyError(f"{str(top / NOTES)!r} cannot be read: {error}") from None
    jobs = notes.get("jobs") if isinstance(notes, dict) else None
    if not isinstance(jobs, dict) or not isinstance(notes.get("study"), str):
        raise StudyError(f"{str(top / NOTES)!r} is not what `export_batch` has written")
    return dict(notes)


class _Import:
    """A study, while results come into it."""

    def __init__(self, store: Store, folder: Path, top: Path, notes: Mapping[str, Any]) -> None:
        self._store = store
        self._folder = folder
        self._top = top
        self._jobs = notes["jobs"]
        self._study = store.study()
        if str(self._study.seed) != notes.get("seed"):
            raise StudyError(
                f"the batch in {str(top)!r} has the seed {notes.get('seed')}, and the study in "
                f"{str(folder)!r} {self._study.seed}: it is another study's"
            )

    def take(self) -> None:
        """Take what is new."""
        rows = {row.folder_name: row for row in self._store.read().experiments}
        strange = next((name for name in self._jobs if name not in rows or not is_file_name(name)), None)
        if strange is not None:
            raise StudyError(
                f"the batch in {str(self._top)!r} has a job {shorten(strange)}, and the study in "
                f"{str(self._folder)!r} no such experiment: it is another study's"
            )
        self._store.begin(self._study, resume=True)
        for name, notes in self._jobs.items():
            row, job = rows[name], self._top / JOBS / name
            if row.status != DONE and job.is_dir():
                self._take_job(row, inside(self._top, job), notes.get("result"))
        left = [row for row in self._store.read().experiments if row.status not in (DONE, FAILED)]
        self._store.write([Closed(time.time(), STOPPED if left else DONE, None)])

    def _take_job(self, row: ExperimentRow, job: Path, result: Any) -> None:
        outcome = _outcome(job, result, json.loads(row.config))
        if outcome is None or (row.status == FAILED and outcome.finished <= (row.finished or 0)):
            return
        target = self._folder / EXPERIMENTS / row.folder_name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)  # what an attempt before has left
        copy_tree(job, target)
        self._store.write(list(_records(row, outcome)))


def _records(row: ExperimentRow, outcome: _Outcome) -> Iterator[Record]:
    """Walk what is to be stored of a job."""
    member = Member(row.id, row.number, None, row.pass_, row.repetition, row.generation, (), row.prefix)
    attempt = row.attempt + (row.started is not None)
    known = (row.config, row.aliases, row.group, row.slot, row.key, attempt, None, row.code)
    yield Registered(member, *known)
    blocks = tuple(_block(variable, values) for variable, values in outcome.values.items())
    if blocks:
        yield Values(row.id, blocks, urgent=True)
    failures: tuple[Failure, ...] = ()
    if outcome.problem is not None:
        failures = (Failure("job", 0, "ProgramError", outcome.problem, outcome.problem, None),)
    last = max((iteration for values in outcome.values.values() for iteration in values), default=0)
    status = FAILED if failures else DONE
    yield Ended(None, row.id, status, outcome.started, outcome.finished, last + 1, failures, None)


def _block(variable: str, values: Mapping[int, Any]) -> Block:
    frozen = [freeze(value) for value in values.values()]
    return encode_block(variable, None if len(frozen) == 1 else 0, list(values), frozen)


def _outcome(job: Path, result: Any, parameters: Mapping[str, Any]) -> _Outcome | None:
    """Return what became of a job, None if it has not ended."""
    try:
        status = inside(job, job / STATUS)
        text, finished = status.read_text(errors="replace").strip(), status.stat().st_mtime
    except FileNotFoundError:
        return None
    started = _time_of(inside(job, job / STARTED))
    values: dict[str, dict[int, Any]] = {}
    problem = None
    try:
        for iteration, found in _read_values(job, result, text == "0"):
            for variable, value in found.items():
                check_variable(variable, parameters)
                values.setdefault(variable, {})[iteration] = value
    except (ProgramError, ValueError) as error:
        problem = f"it ended in order, but {error}"
    if text != "0":
        problem = f"it ended with exit code {shorten(text, str)}"
    if problem is not None:
        said = _end_of(job / "stderr.txt") or _end_of(job / "stdout.txt")
        problem += f"; the end of its output:\n{said}" if said else "; it has printed nothing"
    return _Outcome(started, finished, values, problem)


def _read_values(job: Path, result: Any, has_result: bool) -> Iterator[tuple[int, dict[str, Any]]]:
    """Walk what a job has reported, and its result, if it should have one."""
    reports = Reports(inside(job, job / FILE))
    for reported in reports.read(is_over=True):
        yield reported.iteration or 0, reported.values
    if not has_result:
        return
    if isinstance(result, str):
        found = read_result_file(inside(job, job / result))
    elif reports.values:
        return
    elif (job / RESULT).is_file():
        found = read_result_file(inside(job, job / RESULT))
    else:
        found = read_last_line(_last_bytes(inside(job, job / "stdout.txt")))
    if not isinstance(found, dict):
        raise ProgramError(f"its result is {shorten(found)}, and no dict")
    yield 0, found


def _last_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - MOST_KEPT))
            return file.read()
    except FileNotFoundError:
        return b""


def _end_of(path: Path) -> str:
    if path.is_symlink():
        return ""
    return _last_bytes(path).decode(errors="backslashreplace").strip()[-_END:]


def _time_of(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None
