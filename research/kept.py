"""A study that has been run: its results, and how it is found again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from research.definition import load_definition
from research.errors import StudyError, StudyNotFoundError
from research.monitoring.log import LOG
from research.storage.base import Store
from research.storage.folder import remove_folder, study_name
from research.storage.places import DatabasePlace, FolderPlace, Place, keeps_files, place_of
from research.storage.servers import Server, Storage, read_storage
from research.updating import Update
from research.watching import terminate

if TYPE_CHECKING:
    from research.profiling.profiler import Profiler
    from research.pruning.watch import Pruning
    from research.results.results import ResearchResults


class Kept:
    """`results`, `profiler`, `load` and `remove` of a study."""

    name: str
    _memory: Store | None
    _place: Place | None
    storage: Storage | None
    _env: Mapping[str, str]
    _updates: list[Update]
    _pruning: Pruning | None
    _is_watched: bool
    _is_loaded = False
    _why_no_definition: str | None = None

    def __init__(self, name: str | os.PathLike[str], **definition: Any) -> None:
        raise NotImplementedError

    @property
    def is_kept(self) -> bool:
        """Whether there is a study of this name where it would be kept."""
        return (self._place or place_of(self.name, self.storage)).exists()

    @property
    def results(self) -> ResearchResults:
        """Results so far: of a study that runs, has ended, or was loaded.

        Raises
        ------
        StudyNotFoundError
            If the study has not been run, or its folder is gone.
        """
        from research.results.results import ResearchResults  # a study that is yet to be run has none

        if self._memory is not None:
            return ResearchResults(self._memory, load_objects=True, env_meta=self._env)
        try:
            return ResearchResults(self._place or place_of(self.name, self.storage), load_objects=True)
        except StudyNotFoundError:
            why = "it has not been run"
            if self._place is not None:
                is_folder = keeps_files(self._place)
                folder = str(self._place.folder)
                why = f"its folder {folder!r} is gone" if is_folder else f"there is no {self._place} any more"
            raise StudyNotFoundError(f"the study {self.name!r} has no results: {why}") from None

    def snapshot(self) -> Path:
        """Copy the study as it is now, also while it runs, to a dated folder beside it.

        Returns
        -------
        Path
            The folder of the copy, which is a study like any other; see
            `research.storage.snapshots.take_snapshot`.

        Raises
        ------
        StudyNotFoundError
            If the study has not been run, or its folder is gone.
        StudyError
            If it is in memory, or the copy cannot be written.
        """
        from research.storage.snapshots import take_snapshot

        if self._memory is not None:
            raise StudyError(
                f"the study {self.name!r} is in memory, and there is no folder to copy: run it without "
                "`dump_results=False`"
            )
        return take_snapshot(self._place or place_of(self.name, self.storage))

    @property
    def profiler(self) -> Profiler:
        """Times of units, of a study that was run with `profile=1` or `profile=2`.

        The same as `results.profiler`: of a study that runs, has ended, or was loaded.

        Raises
        ------
        ValueError
            If the study was not profiled.
        StudyNotFoundError
            If the study has not been run, or its folder is gone.
        """
        return self.results.profiler

    @classmethod
    def load(cls, name: str | os.PathLike[str], storage: str | None = None) -> Self:
        """Load a study from where it is kept, with its definition, to run it again. This runs code.

        The definition is a pickle, `research.dill`: loading it, and reading objects by `results`, runs
        whatever code the writer of the study has put there. Do so with studies that you trust. The results
        of any other are read by `ResearchResults(name)`, which runs none.

        Parameters
        ----------
        name : str or path
            The study's folder, or its name in a database.
        storage : str, optional
            The URL of the database; see `Research`.

        Raises
        ------
        StudyNotFoundError
            If there is no such study.
        StudyError
            If its definition cannot be loaded here; its results can be read. If the database cannot be
            reached.
        """
        name = study_name(name)
        server = None if storage is None else read_storage(storage)
        place = place_of(name, server)
        definition = load_definition(place)
        study = cls(name, storage=server)
        if definition is None:
            study._why_no_definition = f"its definition was not saved, see {Path(name) / LOG}"
        else:
            updates, pruning = definition.pop("updates"), definition.pop("pruning", None)
            study = cls(**{**definition, "name": name, "storage": server})
            study._updates, study._pruning = updates, pruning
        study._place = place
        study._is_watched = study._is_loaded = True
        return study

    @staticmethod
    def remove(
        name: str | os.PathLike[str], ask: bool = True, force: bool = False, storage: str | None = None
    ) -> bool:
        """Remove a study with everything that belongs to it.

        Parameters
        ----------
        name : str or path
            The study's folder, or its name in a database; then its folder on this machine is removed, too.
        ask : bool, default True
            Ask on the terminal first.
        force : bool, default False
            Remove the folder even if it is no study, or one that is running, which is ended first.
        storage : str, optional
            The URL of the database; see `Research`.

        Returns
        -------
        bool
            Whether it was removed.

        Raises
        ------
        ValueError
            If the folder is no study.
        StudyError
            If a process of this machine runs the study, or, of one in a database, of any.
        StudyNotFoundError
            If there is no such folder or study.
        """

        def end(place: Place) -> None:
            terminate(place, grace=10)

        name = study_name(name)
        if storage is not None:
            from research.storage.taking import remove_from_database

            return remove_from_database(DatabasePlace(Server.read(storage), name), ask, force, end)
        return remove_folder(name, ask, force, lambda folder: end(FolderPlace(folder)))
