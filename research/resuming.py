"""A study that is gone on with: what has been done of it, and which domains have been in force."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from research.definition import FILE, load_domain
from research.domain import Domain
from research.errors import StudyError, StudyNotFoundError, cannot_read
from research.results.added import next_run, runs_of
from research.settings import RunSettings
from research.storage.base import Study
from research.storage.connecting import check, make_readable
from research.storage.damage import readable
from research.storage.folder import DATABASE, NewFolder
from research.storage.past import Past
from research.storage.places import DatabasePlace, Place, SharedPlace
from research.storage.presence import Shard
from research.storage.servers import Storage
from research.storage.shared import SharedFile
from research.storage.taking import Taken, TakenDatabase, TakenFolder, TakenShared
from samplers import make_seed


def check_resume(resume: Any, retry_failed: Any, dump_results: bool, by_default: bool) -> bool:
    """Return whether a study is to be gone on with, if there is one.

    Raises
    ------
    ValueError
        Names the argument that makes no sense.
    """
    if not isinstance(resume, bool | None):
        raise ValueError(f"`resume` must be True, False or None, got {resume!r}")
    if not isinstance(retry_failed, bool):
        raise ValueError(f"`retry_failed` must be True or False, got {retry_failed!r}")
    if resume and not dump_results:
        raise ValueError(
            "`resume=True` needs `dump_results=True`: what is in memory is gone with its process"
        )
    return by_default and dump_results if resume is None else resume


def check_snapshot(snapshot: Any, dump_results: bool) -> None:
    """Refuse what is no answer to whether there is to be a snapshot first.

    Raises
    ------
    ValueError
        If it is no bool, or there is no folder.
    """
    if not isinstance(snapshot, bool):
        raise ValueError(f"`snapshot` must be True or False, got {snapshot!r}")
    if snapshot and not dump_results:
        raise ValueError("`snapshot=True` needs `dump_results=True`: what is in memory has no folder to copy")


def take_study(name: str, storage: Storage | None, shard: Shard, resume: bool) -> tuple[Taken, Study | None]:
    """Take a study that is to be run; return what is stored of it as well, if it is gone on with."""
    if isinstance(storage, SharedFile):
        shared = TakenShared(SharedPlace(storage, name), resume)
        return shared, shared.earlier
    if storage is not None:
        taken = TakenDatabase(DatabasePlace(storage, name), shard, resume)
        return taken, taken.earlier
    folder, earlier = _take_folder(name, resume)
    return TakenFolder(folder), earlier


def _take_folder(name: str, resume: bool) -> tuple[NewFolder, Study | None]:
    if not resume or not (Path(name) / DATABASE).is_file():
        return NewFolder(name), None
    from research.storage.opening import sqlite_store

    folder = NewFolder.of_study(name)
    try:
        with readable(name):
            make_readable(folder.path / DATABASE)
            check(folder.path / DATABASE)
            return folder, sqlite_store(folder.path, read_only=True).study()
    except StudyNotFoundError as error:
        if (folder.path / FILE).exists():
            with folder:
                raise cannot_read(name, error) from error
        return folder, None  # it was broken off before there was anything in its database
    except BaseException:
        with folder:
            raise


def check_seed(seed: Any, study: Study) -> int:
    """Return the seed of a study that is stored, which is that of every run of it.

    Raises
    ------
    ValueError
        If another is given.
    """
    if seed is not None and make_seed(seed) != study.seed:
        raise ValueError(
            f"`seed` must be left out where a study is gone on with, got {seed!r}: {study.name!r} has the "
            f"seed {study.seed}"
        )
    return study.seed


def check_seeding(asked: bool, settings: RunSettings, study: Study) -> RunSettings:
    """Return the settings of a run that goes on with a study, with a remark if it seeds otherwise.

    Parameters
    ----------
    asked : bool
        `seed_libraries` as it was given.
    settings : RunSettings
    study : Study
        As it is stored.

    Raises
    ------
    ValueError
        If global generators were seeded so far, and would silently not be now.
    """
    before = study.settings.get("seed_libraries")  # None: of an earlier version, or of unlike studies merged
    if before is None or before == settings.seed_libraries:
        return settings
    if asked and before:
        raise ValueError(
            f"`branches` in threads, {settings.n_branches} of them, share the global generators (random, "
            f"numpy.random, torch), which {study.name!r} has seeded so far, so that it would not repeat any "
            "more: `executor_target='for'` runs branches one after another; where no unit draws from these "
            "generators, `seed_libraries=False` says so"
        )
    now = "seeds" if settings.seed_libraries else "does not seed"
    text = (
        f"this run {now} global generators (random, numpy.random, torch), which earlier runs did "
        f"{'' if before else 'not '}throughout: units that draw from them give other results than in one go"
    )
    return settings._replace(remarks=(*settings.remarks, text))


def stored(study: Study | None, name: str) -> Any:
    """Return a setting of the last run of a study that is gone on with; None if there is none."""
    return None if study is None else study.settings.get(name)


def check_iterations(n_iters: int | None, settings: RunSettings, study: Study) -> RunSettings:
    """Return the settings of a run that goes on with a study, with a remark if it has other iterations."""
    before = study.settings.get("n_iters", n_iters)
    if before == n_iters:
        return settings
    text = (
        f"experiments of this run have {_iterations(n_iters)}, those of the run before had "
        f"{_iterations(before)}: what is done stays as it is"
    )
    return settings._replace(remarks=(*settings.remarks, text))


def _iterations(n_iters: int | None) -> str:
    return "as many iterations as their units give" if n_iters is None else f"n_iters={n_iters}"


def join_settings(settings: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run with what is to be kept of those of earlier ones."""
    joined = dict(settings)
    for name in ("parameters", "variables"):
        joined[name] = list(dict.fromkeys([*before.get(name, ()), *settings[name]]))
    joined["seed_libraries"] = settings["seed_libraries"] and before.get("seed_libraries") is not False
    (run,) = settings["added"]
    joined["added"] = next_run(runs_of(before), run)
    if "replaced" in before:
        joined["replaced"] = before["replaced"]
    if "shards" in before:
        joined.setdefault("shards", before["shards"])
    return joined


class Recall:
    """Answers of functions that may replace the domain, as far as earlier runs have had them.

    Parameters
    ----------
    place : Place
        Where it is kept.
    study : Study
        As it is stored.
    past : Past
    """

    def __init__(self, place: Place, study: Study, past: Past) -> None:
        self._place = place
        self._replaced = study.settings.get("replaced") or ()  # (None of studies that were merged)
        self._past = past

    def is_kept(self, generation: int, n_items: int) -> bool:
        """Whether the domain in force is known to have stayed after so many configs."""
        if generation < len(self._replaced):
            return n_items < int(self._replaced[generation]["first"])
        return n_items <= self._past.last_number(generation)

    def next_domain(self, generation: int) -> tuple[Domain, dict[str, int]] | None:
        """Return the domain that came after one, and how it was walked; None if that is not known.

        Raises
        ------
        StudyError
            If it is known that there was one, and not which.
        """
        if generation >= len(self._replaced):
            return None
        domain = load_domain(self._place, generation + 1)
        if domain is None:
            raise StudyError(
                f"the study cannot be gone on with: its domain number {generation + 1} could not be pickled "
                "when it came into force"
            )
        return domain, self._replaced[generation]["numbers"]
