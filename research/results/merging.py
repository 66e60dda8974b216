"""Merging: what the results of several machines have to do with each other."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from research.errors import StudyError
from research.experiment.versions import Version, join_codes, listed
from research.results.added import join_added
from research.results.keeping import join_columns
from research.storage.base import Study
from research.storage.damage import readable
from research.storage.folder import study_name
from research.storage.parts import are_of_one_walk
from research.storage.places import DatabasePlace, FolderPlace, Place, SharedPlace

if TYPE_CHECKING:
    from research.storage.joining import Shift, Side  # what is beneath takes a tenth of a second

T = TypeVar("T")


class Merging:
    """What `ResearchResults` can do with others of its kind."""

    _place: Place | None
    _filters: dict[str, Any]

    @classmethod
    def merge(
        cls,
        studies: Iterable[str | os.PathLike[str] | Merging],
        into: str | os.PathLike[str],
        prefer: int | str | None = None,
    ) -> Self:
        """Join studies that ran parts of one domain, say on several machines, to one in a new folder.

        Experiments of equal ids are one. Where only one study has done it, that one counts; of those that
        have not, failed comes before stopped, lost, running and queued, then the order of the list. No code
        of the studies runs, and they stay as they are. The new folder appears when it is complete. Studies
        of different code are merged as well, which Python's logger `research` is told.

        Parameters
        ----------
        studies : iterable of str, path or ResearchResults
            Folders of studies that have ended, or results of them, all of one seed. Those in a database are
            given by `ResearchResults(name, storage=…)`. The definition is that of the first.
        into : str or path
            The folder of the merged study.
        prefer : int, 'first' or 'last', optional
            The study that counts where two have done the same experiment with other values, by its place in
            the list; or the one that comes first, or last. By default this is an error.

        Returns
        -------
        ResearchResults
            Of `into`.

        Raises
        ------
        ContradictionError
            If two studies have other values for an experiment that both have done; nothing is written.
        ValueError
            If the studies have several seeds, or `prefer` is no place in the list.
        StudyError
            If one of them is running.
        StudyExistsError
            If there is something at `into`.
        StudyNotFoundError, DamagedStudyError
            If there is no study in a folder, or it cannot be read.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from research import EC, Domain, Research, ResearchResults
        >>> domain = Domain(a=[1, 2, 3])
        >>> with TemporaryDirectory() as folder:
        ...     names = [f'{folder}/{k}' for k in range(2)]
        ...     for k, name in enumerate(names):
        ...         study = Research(name, domain.shard(k, 2))
        ...         study = study.add_callable('f', lambda a: a ** 2, a=EC('a'), save_to='b')
        ...         study = study.run(seed=5, bar=False)
        ...     ResearchResults.merge(names, into=f'{folder}/all').df['b'].tolist()
        [1, 4, 9]
        """
        name = study_name(into)
        places = _places(studies)
        names = [str(place) for place in places]
        from research.storage.merging import Preference, open_sides, write_merged

        preference = Preference(prefer, len(names))
        with ExitStack() as stack:
            folders = [_folder_of(place, stack) for place in places]
            sides = open_sides(names, folders)
            with readable(" or ".join(names)):
                study, shifts = _join(name, sides)
            write_merged(sides, name, study, shifts, preference)
            with readable(" or ".join(names)):
                join_columns(_by_preference(folders, prefer), Path(name))
                _tell_codes(name, sides)
        return cast("Callable[[str], Self]", cls)(name)


def _places(studies: Any) -> list[Place]:
    """Return where studies are kept."""
    if isinstance(studies, str | os.PathLike | Merging) or not isinstance(studies, Iterable):
        raise TypeError(f"`studies` must be a list of folders or ResearchResults, got {studies!r}")
    places = [_place(item) for item in studies]
    if not places:
        raise ValueError("`studies` must name at least one study, got none")
    return places


def _by_preference(folders: Sequence[Path], prefer: int | str | None) -> list[Path]:
    """Return folders so that the first counts of two."""
    if isinstance(prefer, int):
        return [folders[prefer], *folders]
    return list(reversed(folders)) if prefer == "last" else list(folders)


def _folder_of(place: Place, stack: ExitStack) -> Path:
    """Return a folder that holds a study: its own, or one for the time being."""
    if not isinstance(place, DatabasePlace | SharedPlace):
        return Path(str(place))
    if place.is_held():
        raise StudyError(f"the study in {str(place)!r} is running: merge it when it has ended")
    from research.storage.fetching import fetch

    folder = Path(stack.enter_context(TemporaryDirectory(prefix="research-")))
    fetch(place, folder)
    return folder


def _place(item: Any) -> Place:
    if not isinstance(item, Merging):
        return FolderPlace(Path(study_name(item)))
    if item._place is None:
        raise ValueError(
            f"{item!r} are in memory: studies are merged by their folders, run without `dump_results=False`"
        )
    if item._filters:
        raise ValueError(
            f"{item!r} are filtered, studies are merged as a whole: call `load()` to take filters away, and "
            "`load(…)` on what was merged"
        )
    return item._place


def _join(name: str, sides: Sequence[Side]) -> tuple[Study, list[Shift]]:
    """Return what is said of the merged study as a whole, and by how much numbers in each of them grow."""
    studies = [side.study for side in sides]
    given = [study.settings for study in studies]
    workers = _before(side.n_workers for side in sides)
    groups = _before(side.n_groups for side in sides)
    settings = {key: _common([item.get(key) for item in given]) for item in given for key in item}
    settings |= {
        "parameters": _together(given, "parameters"),
        "variables": _together(given, "variables"),
        # parts may have experiments in common, but for shards of one domain
        "size": _common([item.get("size") for item in given]) if are_of_one_walk(given) else None,
        "shards": None,  # keys are others now
        "workers": sum(side.n_workers for side in sides),
        "branches": max(side.n_slots for side in sides),
        "profile": max(item.get("profile") or 0 for item in given),
        "added": join_added(zip(given, workers, groups, strict=True)),
        "redirect": [
            max(modes) for modes in zip(*(item.get("redirect", (0, 0)) for item in given), strict=True)
        ],
        "merged": [_describe(side) for side in sides],
        "code": join_codes(item.get("code") or {} for item in given),
    }
    ends = [study.finished for study in studies]
    outcomes = [study.outcome for study in studies]
    finished = None if None in ends else max(end for end in ends if end is not None)
    outcome = None if None in outcomes else next((item for item in outcomes if item != "done"), "done")
    domains = list(dict.fromkeys(study.domain for study in studies))
    domain = domains[0] if len(domains) == 1 else " + ".join(f"({text})" for text in domains)
    error = next((study.error for study in studies if study.error is not None), None)
    created = min(study.created for study in studies)
    first = studies[0]
    merged = Study(name, created, first.seed, first.version, domain, settings, finished, outcome, error)
    from research.storage.joining import Shift

    return merged, [Shift(*item) for item in zip(workers, groups, strict=True)]


def _tell_codes(name: str, sides: Sequence[Side]) -> None:
    """Write to the log which of the studies were made by code that is not that of the first."""
    logger = logging.getLogger("research")
    codes = [list((side.study.settings.get("code") or {}).get("versions", {}).values()) for side in sides]
    known = [(side, Version.of_form(forms[-1])) for side, forms in zip(sides, codes, strict=True) if forms]
    for side, version in known[1:]:
        differences, _ = version.differences(known[0][1].form)
        if differences and logger.hasHandlers():
            text = listed(differences)
            first = known[0][0].name
            logger.warning(
                "%r is merged of studies of different code, %r of %r: %s", name, side.name, first, text
            )


def _describe(side: Side) -> dict[str, Any]:
    study = side.study
    names = ("name", "created", "finished", "outcome", "error", "version")
    return {key: getattr(study, key) for key in names} | {"workers": side.n_workers}


def _common(values: Sequence[T]) -> T | None:
    """Return what all say, or None."""
    return values[0] if all(value == values[0] for value in values) else None


def _together(settings: Sequence[dict[str, Any]], key: str) -> list[Any]:
    return list(dict.fromkeys(name for item in settings for name in item.get(key, ())))


def _before(counts: Iterable[int]) -> list[int]:
    """Return how many came before each."""
    return list(accumulate(counts, initial=0))[:-1]
