"""Units that run an external program, one process for each experiment."""

from __future__ import annotations

import math
import os
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from research.errors import ProgramError, shorten
from research.experiment.answers import Reported, Reports, read_last_line, read_result_file
from research.experiment.compiling import Evaluator, Known
from research.experiment.external import Ended, describe_code, run_program
from research.experiment.placeholders import (
    Piece,
    check_names,
    fill,
    placeholder_text,
    read_pieces,
    shell_script,
    walk_names,
)
from research.experiment.saving import make_save
from research.experiment.targets import Invoke
from research.experiment.units import Unit
from research.reporting import EXPERIMENT, FILE, FOLDER, REPORTS

SHELL = "/bin/sh"
Pieces = tuple[Piece, ...]


class Finished(NamedTuple):
    """A program that has ended with the status 0; what the function `parse` of `add_command` is given.

    Attributes
    ----------
    stdout, stderr : str
        All that it has printed.
    folder : Path or None
        The experiment's, if it has one.
    command : tuple of str
        The words of which its command line consisted.
    seconds : float
        That it took.
    """

    stdout: str
    stderr: str
    folder: Path | None
    command: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class CommandUnit(Unit):
    """A program, run at each due iteration.

    Parameters
    ----------
    command : str or tuple of str
    parse : str, callable, None or False
        A file with the result, a function of `Finished`, None: the last line of its stdout unless it has
        reported something, or False: nothing is read.
    save_to : str, tuple of str or None
        Variables for the result; None: the items of a dict are saved under their keys.
    shell : bool
    timeout : float or None
    folder : str or None
        Where it runs.
    environment : tuple of pairs of str
        More variables.
    """

    command: str | tuple[str, ...] = ""
    parse: Any = None
    save_to: str | tuple[str, ...] | None = None
    shell: bool = False
    timeout: float | None = None
    folder: str | None = None
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def is_program(self) -> bool:
        return True

    @property
    def text(self) -> str:
        command = self.command if isinstance(self.command, str) else shlex.join(self.command)
        return f"{self.name} = {command!r}"

    def call(self, invoke: Invoke | None = None) -> Evaluator:
        name, work = self.name, self._worker()
        if invoke is not None:
            alone = work
            work = lambda run: invoke(run, alone, (run,), {})  # noqa: E731
        is_dict = self.save_to is None
        bind_save = make_save(name, self.save_to, is_dict)

        def call(run: Any) -> None:
            output, is_saved = work(run)
            run.units[name].output = output
            if is_saved:
                return
            if is_dict and not isinstance(output, dict):
                raise ProgramError(
                    f"the result of the unit {name!r} is {shorten(output)}: a dict is saved item by item, "
                    "and anything else by `save_to`"
                )
            if bind_save is not None:
                bind_save(run)(output)

        return call

    def _worker(self) -> Callable[[Any], tuple[Any, bool]]:
        """Return what runs the program, and returns its result, and whether that has been saved already."""
        what = self._what
        read_words, read_folder = self._words(), self._filler("cwd", self.folder)
        variables = [(key, self._filler("env", value)) for key, value in self.environment]
        read_path, parse, timeout = self._path_filler(), self.parse, self.timeout

        def work(run: Any) -> tuple[Any, bool]:
            with _place_for_reports(run) as place:
                words = read_words(run)
                environment = {
                    **os.environ,
                    EXPERIMENT: run.id,
                    **({FOLDER: str(run.folder)} if run.has_folder else {}),
                    REPORTS: str(place),
                    **{key: str(read(run)) for key, read in variables},
                }
                _check_text([*words, *environment.values()], what)
                given = read_path(run)
                path = None if given is None else (run.folder if run.has_folder else Path()) / given
                before = _state(path)
                reports = Reports(place)

                problem: Exception | None = None

                def look(is_over: bool = False) -> bool:
                    nonlocal problem
                    try:
                        for reported in reports.read(is_over):
                            _save(run, reported)
                    except Exception as error:  # (what is saved may be refused for many reasons)
                        problem = problem or error
                    return problem is not None

                ended = run_program(
                    words, environment, REPORTS, read_folder(run), timeout, look, callable(parse)
                )
                look(is_over=True)
                _check_end(words, ended, timeout, problem)
                if parse is False or (parse is None and reports.values):
                    return reports.values or None, True
                if callable(parse):
                    return parse(_finished(words, ended, run)), False
                try:
                    return (read_last_line(ended.stdout) if path is None else _read_new(path, before)), False
                except ProgramError as error:
                    raise _failed(words, f"ended in order, but {error}", ended.end) from None

        return work

    def filled_words(self, run: Any) -> list[str]:
        """Return the words of the command line for an experiment."""
        return self._words()(run)

    def filled_folder(self, run: Any) -> str | None:
        """Return where the program runs."""
        return self._filler("cwd", self.folder)(run)

    def filled_environment(self, run: Any) -> list[tuple[str, str]]:
        """Return more variables of its environment."""
        return [(key, str(self._filler("env", value)(run))) for key, value in self.environment]

    def result_path(self, run: Any) -> str | None:
        """Return the file in which the result is, if that is said."""
        return self._path_filler()(run)

    def _path_filler(self) -> Callable[[Any], str | None]:
        return self._filler("parse", self.parse if isinstance(self.parse, str) else None)

    @property
    def _what(self) -> str:
        return f"the command of the unit {self.name!r}"

    def _words(self) -> Callable[[Any], list[str]]:
        """Return what makes the words of the command line for an experiment."""
        what = self._what
        if self.shell:
            script, given = shell_script(read_pieces(str(self.command), what))
            return lambda run: [
                SHELL, "-c", script, SHELL, *(placeholder_text(piece, run, what) for piece in given)
            ]  # fmt: skip
        words = self._pieces()
        return lambda run: [fill(pieces, run, what) for pieces in words]

    def _pieces(self) -> list[Pieces]:
        """Return the words of the command line, each with its placeholders."""
        if not isinstance(self.command, str):
            return [read_pieces(word, self._what) for word in self.command]
        if self.shell:
            return [read_pieces(self.command, self._what)]
        try:
            words = shlex.split(self.command)
        except ValueError as error:
            raise ValueError(f"{self._what} cannot be split into words: {error}: {self.command!r}") from None
        return [read_pieces(word, self._what) for word in words]

    def _filler(self, argument: str, text: str | None) -> Callable[[Any], str | None]:
        if text is None:
            return lambda run: None
        what = f"`{argument}` of the unit {self.name!r}"
        pieces = read_pieces(text, what)
        return lambda run: fill(pieces, run, what)

    def validate(self) -> None:
        """Refuse what could not be run with any config.

        Raises
        ------
        ValueError
            If the command is empty, or cannot be read.
        """
        if not self._pieces() or not str(self.command).strip():
            raise ValueError(f"{self._what} is empty")
        for argument, text in self._texts():
            read_pieces(text, f"`{argument}` of the unit {self.name!r}")

    def _texts(self) -> Iterator[tuple[str, str]]:
        """Walk the other texts with placeholders."""
        if self.folder is not None:
            yield "cwd", self.folder
        if isinstance(self.parse, str):
            yield "parse", self.parse
        for _, value in self.environment:
            yield "env", value

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.save_to,) if isinstance(self.save_to, str) else self.save_to or ()

    def check(self, known: Known) -> None:
        names = [name for pieces in self._pieces() for name in walk_names(pieces)]
        check_names(names, self._what, known.parameters)
        for argument, text in self._texts():
            what = f"`{argument}` of the unit {self.name!r}"
            check_names(list(walk_names(read_pieces(text, what))), what, known.parameters)


@contextmanager
def _place_for_reports(run: Any) -> Iterator[Path]:
    """Give the path of a file to which the program can report; it is gone in the end."""
    if not run.has_folder:
        with tempfile.TemporaryDirectory(prefix="research-") as folder:
            yield Path(folder) / FILE
        return
    path: Path = run.folder / FILE
    path.unlink(missing_ok=True)  # of an attempt that was killed
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _save(run: Any, reported: Reported) -> None:
    for name, value in reported.values.items():
        if reported.iteration is None:
            run.save(name, value)
        else:
            run.save_at(name, reported.iteration, value)


def _check_end(words: list[str], ended: Ended, timeout: float | None, problem: Exception | None) -> None:
    """Refuse what a program has reported, or how it has ended."""
    if problem is not None:
        raise _failed(words, f"reported what cannot be saved: {problem}", ended.end) from problem
    if ended.is_late:
        raise _failed(words, f"took longer than timeout={timeout:g} seconds", ended.end)
    if ended.code:
        raise _failed(words, f"ended with {describe_code(ended.code)}", ended.end)


def _finished(words: list[str], ended: Ended, run: Any) -> Finished:
    stdout, stderr = (text.decode(errors="backslashreplace") for text in (ended.stdout, ended.stderr))
    return Finished(stdout, stderr, run.folder if run.has_folder else None, tuple(words), ended.seconds)


def _read_new(path: Path, before: tuple[int, int, int] | None) -> Any:
    """Read a file that was not there before, or was another."""
    if before is not None and _state(path) == before:
        raise ProgramError(f"it has not written {str(path)!r}, which is older")
    return read_result_file(path)


def _state(path: Path | None) -> tuple[int, int, int] | None:
    """Return what tells a file from one that was written later."""
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _check_text(texts: list[str], what: str) -> None:
    for text in texts:
        if "\0" in text:
            raise ValueError(f"{what} cannot be given {shorten(text)}: no program can take a NUL character")


def _failed(words: list[str], how: str, end: str) -> ProgramError:
    shown = shorten(shlex.join(words), str, 300)
    said = f"; the end of its output:\n{end}" if end else "; it has printed nothing"
    return ProgramError(f"{shown} {how}{said}")


def check_command(command: Any, shell: Any) -> str | tuple[str, ...]:
    """Return a command as it is kept.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    if not isinstance(shell, bool):
        raise ValueError(f"`shell` must be True or False, got {shell!r}")
    if isinstance(command, str):
        return command
    if isinstance(command, list | tuple) and all(isinstance(word, str | os.PathLike) for word in command):
        if shell:
            raise TypeError(f"`shell=True` takes a command as text, got a list, {command!r}")
        return tuple(os.fsdecode(word) for word in command)
    raise TypeError(f"`command` must be a str or a list of str, got {command!r}")


def check_parse(parse: Any) -> Any:
    """Return `parse` of `add_command` as it is kept.

    Raises
    ------
    TypeError
        If it means nothing.
    """
    if parse is None or parse is False or callable(parse):
        return parse
    if isinstance(parse, str | os.PathLike):
        return os.fsdecode(parse)
    raise TypeError(
        f"`parse` must be the path of a file, a function of what has finished, None or False, got {parse!r}"
    )


def check_seconds(timeout: Any) -> float | None:
    """Return a number of seconds.

    Raises
    ------
    ValueError
        If it is none.
    """
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if timeout is not None and not (is_number and 0 < timeout < math.inf):
        raise ValueError(f"`timeout` must be a positive number of seconds or None, got {timeout!r}")
    return None if timeout is None else float(timeout)


def check_environment(variables: Any) -> tuple[tuple[str, str], ...]:
    """Return variables as they are kept.

    Raises
    ------
    TypeError, ValueError
        If they are no dict of str, or are set by the study.
    """
    if variables is None:
        return ()
    if not isinstance(variables, Mapping):
        raise TypeError(f"`env` must be a dict of variables, got {variables!r}")
    for name, value in variables.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"`env` must be a dict of str to str, got {name!r}: {value!r}")
        if name in (REPORTS, EXPERIMENT, FOLDER) or not name or "=" in name or "\0" in name:
            raise ValueError(f"`env` must not set {name!r}: that is the study's, or no name of a variable")
    return tuple(variables.items())
