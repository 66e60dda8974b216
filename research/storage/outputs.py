"""What experiments printed: where it is kept."""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path

from research.errors import cannot_write
from research.events import Printed
from research.storage.base import Output
from research.storage.folder import EXPERIMENTS

STREAMS = ("stdout", "stderr")  # by number
OF_STUDY, OF_EXPERIMENT = 1, 2  # bits of a mode
_MOST_WAITING = 2**24  # bytes


class Outputs:
    """Takes what is printed, and keeps it in files where the study has a folder.

    Files are opened to be written to and closed again: there may be more experiments than a process may
    have files.

    Parameters
    ----------
    folder : Path or None
        The study's; None: what experiments print goes into the store.
    modes : tuple of int
        Of stdout and stderr: 0 none, 1 one file for the study, 2 one for each experiment, 3 both.
    in_files : bool, default True
        What each experiment prints goes into files, too, if there is a folder; else into the store.
    """

    def __init__(self, folder: Path | None, modes: tuple[int, int], in_files: bool = True) -> None:
        self._folder = folder
        self._top = folder if in_files else None
        self._modes = modes
        self._waiting: dict[Path, list[bytes]] = {}
        self._size = 0
        self._begun: set[str] = set()  # experiments that have printed and may begin anew
        self._names: dict[str, str] = {}  # of experiments' folders, where they are not their ids

    def name(self, experiment: str, folder_name: str) -> None:
        """Take note of what the folder of an experiment is called."""
        self._names[experiment] = folder_name

    def take(self, printed: Printed, present: Container[str]) -> Sequence[Output]:
        """Take note of something printed.

        Parameters
        ----------
        printed : Printed
        present : container of str
            Experiments that have not ended.

        Returns
        -------
        sequence of Output
            What is to be written to the store.
        """
        stream, data = printed.stream, printed.data
        if self._folder is not None and self._modes[stream] & OF_STUDY:
            self._put(study_file(self._folder, stream), data)
        if not self._modes[stream] & OF_EXPERIMENT:
            return ()
        owners = [id_ for id_ in printed.experiments if id_ in present]
        self._begun.update(owners)
        if self._top is None:
            return [Output(id_, stream, data) for id_ in owners]
        for id_ in owners:
            self._put(experiment_file(self._top, self._names.get(id_, id_), stream), data)
        return ()

    def restart(self, experiment: str) -> bool:
        """Let an experiment's log be empty again, in files; return whether there was anything in it."""
        if experiment not in self._begun:
            return False
        name = self._names.get(experiment, experiment)
        for path in () if self._top is None else experiment_files(self._top, name):
            self._waiting.pop(path, None)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise cannot_write(path, error) from error
        return True

    def forget(self, experiment: str) -> None:
        """Let the log of an experiment that is stored be empty again."""
        self._begun.add(experiment)
        self.restart(experiment)
        self._begun.discard(experiment)

    def end(self, experiment: str) -> None:
        """Take note that an experiment has ended."""
        self._begun.discard(experiment)
        if self._names:
            self._names.pop(experiment, None)

    def write(self) -> None:
        """Write to the files what waits.

        Raises
        ------
        StudyError
            If a file cannot be written.
        """
        waiting, self._waiting, self._size = self._waiting, {}, 0
        for path, parts in waiting.items():
            _append(path, b"".join(parts))

    def _put(self, path: Path, data: bytes) -> None:
        self._waiting.setdefault(path, []).append(data)
        self._size += len(data)
        if self._size > _MOST_WAITING:
            self.write()


def study_file(folder: Path, stream: int) -> Path:
    """Return where all that is printed in a study goes."""
    return folder / f"{STREAMS[stream]}.txt"


def experiment_file(folder: Path, name: str, stream: int) -> Path:
    """Return where goes what an experiment prints, by the name of its own folder."""
    return folder / EXPERIMENTS / name / f"{STREAMS[stream]}.txt"


def experiment_files(folder: Path, name: str) -> Sequence[Path]:
    """Return where goes what an experiment prints, of both streams."""
    return [experiment_file(folder, name, stream) for stream in range(len(STREAMS))]


def _append(path: Path, data: bytes) -> None:
    try:
        try:
            file = path.open("ab")
        except FileNotFoundError:  # most have no folder before they print
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab")
        with file:
            file.write(data)
    except OSError as error:
        raise cannot_write(path, error, len(data)) from error
