"""Several studies become one: checked, joined and written to a folder that appears when it is complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from research.errors import Contradiction, ContradictionError, DamagedStudyError, StudyError, StudyExistsError
from research.events import folder_name
from research.storage import schema
from research.storage.base import Study
from research.storage.connecting import connect_read_only
from research.storage.copying import copy_file, copy_tree
from research.storage.damage import readable
from research.storage.files import is_file_name, object_file
from research.storage.folder import DATABASE, ENVIRONMENT, EXPERIMENTS
from research.storage.joining import Folder, Joint, Shift, Side
from research.storage.lock import is_held
from research.storage.opening import sqlite_store
from research.storage.outputs import STREAMS
from research.storage.parts import are_of_one_walk
from research.storage.shelf import object_path
from research.whole import temporary_name

MERGED = "merged"  # holds, for each of the studies, its log and what was printed in it
_LOGS = ("research.log", *(f"{name}.txt" for name in STREAMS))
_DEFINITION = ("research.dill", "domains")
_SHOWN = 5  # contradictions in the text of an error


class Preference:
    """Whose values count where two studies that have done the same experiment contradict each other.

    Parameters
    ----------
    prefer : int, 'first', 'last' or None
    count : int
        How many studies there are.
    """

    def __init__(self, prefer: int | str | None, count: int) -> None:
        is_place = isinstance(prefer, int) and not isinstance(prefer, bool) and 0 <= prefer < count
        if prefer not in (None, "first", "last") and not is_place:
            raise ValueError(
                f"`prefer` must be 'first', 'last' or the place of a study in the list, 0 to {count - 1}, "
                f"got {prefer!r}"
            )
        self._prefer = prefer
        order = list(range(count))
        if prefer == "last":
            order.reverse()
        elif isinstance(prefer, int):
            order.remove(prefer)
            order.insert(0, prefer)
        self.turns = [order.index(number) for number in range(count)]

    def settles(self, side: Side) -> bool:
        """Whether a study wins over all that contradict it, where it comes before them."""
        return self._prefer in ("first", "last") or self._prefer == side.number


def open_sides(names: Sequence[str], folders: Sequence[Path]) -> list[Side]:
    """Look at the studies that are to be merged, by what users call them and where they are.

    Raises
    ------
    StudyNotFoundError, DamagedStudyError
        If there is none, or it cannot be read.
    StudyError
        If one is running.
    ValueError
        If their seeds are not the same.
    """
    sides = [_open_side(*item) for item in zip(range(len(names)), names, folders, strict=True)]
    for side in sides[1:]:
        if side.study.seed != sides[0].study.seed:
            raise ValueError(
                f"the study in {sides[0].name!r} has the seed {sides[0].study.seed}, that in {side.name!r} "
                f"{side.study.seed}: experiments of the same id had other random numbers there, so that "
                "these are no parts of one study; run all parts with the same `seed`, or join the tables of "
                "`to_df` with pandas.concat"
            )
    return sides


def _open_side(number: int, name: str, path: Path) -> Side:
    folder = path.absolute()
    with closing(sqlite_store(path, read_only=True)) as store, readable(name):
        study = store.study()
    _refuse_running(name, folder)
    table = schema.experiments
    most = sa.select(*(sa.func.max(table.c[column]) for column in ("worker", "slot", "group")))
    engine = sa.create_engine("sqlite://", creator=lambda: connect_read_only(folder / DATABASE))
    try:
        with readable(name), engine.connect() as connection:
            found = [0 if last is None else int(last) + 1 for last in connection.execute(most).one()]
            given = [int(study.settings.get(argument) or 0) for argument in ("workers", "branches")]
    finally:
        engine.dispose()
    return Side(number, name, folder, study, max(found[0], given[0]), max(found[1], given[1]), found[2])


def write_merged(
    sides: Sequence[Side], into: str, study: Study, shifts: Sequence[Shift], preference: Preference
) -> None:
    """Write a folder that holds what all studies hold.

    Parameters
    ----------
    sides : sequence of Side
    into : str
    study : Study
        What is to be said of it as a whole.
    shifts : sequence of Shift
        For each of the studies.
    preference : Preference

    Raises
    ------
    ContradictionError
        If studies say other things of an experiment, and it is not said which of them counts.
    StudyExistsError
        If there is something at `into`.
    StudyError
        If a study was begun meanwhile.
    """
    target = Path(into).absolute()
    _refuse_what_exists(into)
    with closing(Joint(sides, preference.turns)) as joint:
        given = [side.study.settings for side in sides]
        joint.survey(all(item.get("repeat_each") is None for item in given), are_of_one_walk(given))
        _refuse_contradictions(joint.contradictions(preference.settles))
        _write_whole(target, lambda folder: _fill(folder, sides, joint, study, shifts))


def _write_whole(target: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder that has its name when it is complete, and is gone if that fails."""
    temporary = temporary_name(target)
    temporary.mkdir(parents=True)
    try:
        fill(temporary)
        _refuse_what_exists(str(target))  # a rename would replace an empty folder
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _fill(folder: Path, sides: Sequence[Side], joint: Joint, study: Study, shifts: Sequence[Shift]) -> None:
    joint.write(folder, study, shifts)
    for side in sides:
        _copy_objects(side, joint, folder)
        _copy_folders(side, joint.folders(side), folder)
        copy_tree(side.folder / ENVIRONMENT, folder / ENVIRONMENT / str(side.number))
        own = folder / MERGED / str(side.number)
        own.mkdir(parents=True)
        for name in _LOGS:
            copy_file(side.folder / name, own / name)
        copy_tree(side.folder / MERGED, own)
    for side in sides:
        twins = joint.folders(side, twins=True)
        _copy_folders(side, twins, folder, [f"{name}.txt" for name in STREAMS])
    for name in _DEFINITION:
        copy_tree(sides[0].folder / name, folder / name)
        copy_file(sides[0].folder / name, folder / name)
    joint.close()
    for side in sides:
        _refuse_running(side.name, side.folder)


def _copy_objects(side: Side, joint: Joint, folder: Path) -> None:
    for item in joint.large_objects(side):
        source = object_file(side.folder, item.path)
        path = object_path(f"{item.id}|{item.variable}|{item.iteration}")
        (folder / path).parent.mkdir(exist_ok=True)
        if not source.is_file():
            raise DamagedStudyError(f"the study in {side.name!r} lacks a file of its own: {item.path!r}")
        shutil.copyfile(source, folder / path)
        if path != item.path:
            joint.name_object(item, path)


def _copy_folders(side: Side, items: Iterator[Folder], folder: Path, left_out: Sequence[str] = ()) -> None:
    """Copy folders of experiments; few have one, where there are many experiments."""
    top = side.folder / EXPERIMENTS
    written = {path.name for path in top.iterdir()} if top.is_dir() else set()
    for item in items if written else ():
        source = folder_name(item.id, item.prefix)
        name = folder_name(item.id, item.new_prefix)
        if source in written and is_file_name(name):
            (folder / EXPERIMENTS).mkdir(exist_ok=True)
            copy_tree(top / source, folder / EXPERIMENTS / name, left_out)


def _refuse_contradictions(found: Sequence[Contradiction]) -> None:
    if not found:
        return
    shown = "; ".join(map(str, found[:_SHOWN]))
    more = f"; and {len(found) - _SHOWN} more, see `contradictions` of this error" if found[_SHOWN:] else ""
    raise ContradictionError(
        f"values contradict each other: {shown}{more}. Nothing was written: say which study counts, "
        "`prefer='first'`, 'last' or its place in the list",
        found,
    )


def _refuse_running(name: str, folder: Path) -> None:
    if is_held(folder):
        raise StudyError(f"the study in {name!r} is running: merge it when it has ended")


def _refuse_what_exists(into: str) -> None:
    if os.path.lexists(into):
        raise StudyExistsError(
            f"{into!r} exists already: give another `into`, merged studies get a new folder"
        )
