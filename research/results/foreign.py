"""Results that other programs have left in folders."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

from research.domain import Config
from research.domain.identity import experiment_id
from research.errors import FilesError, StudyExistsError
from research.events import DONE, Ended, Member, Values
from research.results.roles import (
    PARAMETER,
    SOURCE,
    VARIABLE,
    as_patterns,
    check_patterns,
    column_name,
    find_roles,
    fits,
    role_of_rest,
)
from research.results.sources import Loader, Source, find_sources, load_all
from research.storage.base import Closed, ExperimentRow, Record, Registered, Store, Study
from research.storage.damage import readable
from research.storage.encoding import decode_scalar, encode_block, freeze
from research.storage.folder import DATABASE, NewFolder, study_name
from research.storage.memory import MemoryStore
from research.version import __version__

Keep = Callable[[dict[str, Any]], Any]
_FILES = "files"  # where the settings of a study tell of them
_AT_ONCE = 1000  # experiments that are written together


class _Known(NamedTuple):
    """What a study holds already."""

    rows: dict[str, ExperimentRow]  # by the names of files
    repetitions: dict[str, int]  # by config: how many there were
    n_experiments: int


class Foreign:
    """`from_files` of results."""

    @classmethod
    def from_files(
        cls,
        root: str | os.PathLike[str],
        pattern: str = "conf.json",
        *,
        loader: str | Loader | None = None,
        keep: str | Iterable[str] | Keep | None = None,
        parameters: str | Iterable[str] | None = None,
        variables: str | Iterable[str] | None = None,
        name: str | os.PathLike[str] | None = None,
        trusted: bool = False,
    ) -> Self:
        """Read results that any program has left in folders, one dict in each, as those of a study.

        Every file is an experiment that is done. Files are taken in natural order, folder 2 before folder 10.
        Nested dicts are parameters and variables with `/` in their names. Where the file is, from `root`, is
        the variable `source`; when it was last changed is when the experiment has finished. Files of equal
        parameters are repetitions.

        Parameters
        ----------
        root : path
            The folder that is looked through, at any depth. Links to folders are not followed.
        pattern : str, default 'conf.json'
            Which files, by their names: `*` and `?` stand for others, `[ab]` for one of them. With a `/` in
            it it is of the path from `root`, where `**` stands for any folders.
        loader : 'json', 'yaml', 'toml', 'pickle', 'joblib' or callable, optional
            What reads a file: a function gets its path and returns a dict, or None to leave it out. Default:
            by the suffix. YAML and joblib are extras, `yaml` and `joblib`.
        keep : str, list of str, or callable, optional
            Names of what is kept of each dict, `*` and `?` as in `pattern`; a name of a group keeps all in
            it. Or a function of the dict, nested ones with `/`, that says whether the file is kept.
        parameters, variables : str or list of str, optional
            Names, as in `keep`, of what was set and of what was found out. If one of both is given, all
            else is the other. Default: what is a float or None in all files, a list that holds floats, or
            no plain data, as an array, is a variable; all else is a parameter.
        name : path, optional
            The folder of the study. If it is there, new files are added to it, and those changed since are
            read again. Default: the study is in memory.
        trusted : bool, default False
            Allow pickles and files of joblib, which run the code of whoever wrote them.

        Returns
        -------
        ResearchResults
            Of a study as any other. Columns that every table has, as `id`, get an underscore: `id_`.

        Raises
        ------
        FilesError
            If there are no such files, some cannot be read, or have no name that is asked for. Nothing is
            changed then.
        ValueError
            If a file is of no known kind, or runs code and is not trusted.
        StudyExistsError
            If the study in `name` is of something else.
        ImportError
            If an extra is not installed.

        Examples
        --------
        >>> import json
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from research import ResearchResults
        >>> with TemporaryDirectory() as root:
        ...     for i, (C, f1) in enumerate([(1, 0.75), (10, 0.5)]):
        ...         Path(root, str(i)).mkdir()
        ...         _ = Path(root, str(i), 'conf.json').write_text(json.dumps({'C': C, 'f1': f1}))
        ...     ResearchResults.from_files(root).df[['C', 'f1', 'source']]
            C    f1       source
        0   1  0.75  0/conf.json
        1  10  0.50  1/conf.json
        """
        top = Path(os.fsdecode(root))
        chosen = _Chosen(
            loader, keep, as_patterns("parameters", parameters), as_patterns("variables", variables)
        )
        if not isinstance(pattern, str) or not pattern:
            raise ValueError(f"`pattern` must be the name of files, as 'conf.json', got {pattern!r}")
        if name is None:
            memory = MemoryStore()
            _Intake(memory, str(top), None, top, pattern).take(chosen, find_sources(top, pattern), trusted)
            return cast("Callable[..., Self]", cls)(memory, load_objects=True)
        from research.storage.opening import open_store

        path = Path(study_name(name))
        sources = find_sources(top, pattern, path)
        has_study = (path / DATABASE).is_file()
        with (
            NewFolder.of_study(str(path)) if has_study else NewFolder(str(path)) as folder,
            ExitStack() as stack,
        ):
            store = open_store(folder.path, stack, lambda text: None)
            _Intake(store, str(path), path if has_study else None, top, pattern).take(
                chosen, sources, trusted
            )
            folder.keep()
        return cast("Callable[..., Self]", cls)(path, load_objects=True)


class _Chosen:
    """What is taken of files."""

    def __init__(
        self,
        loader: str | Loader | None,
        keep: str | Iterable[str] | Keep | None,
        parameters: tuple[str, ...] | None,
        variables: tuple[str, ...] | None,
    ) -> None:
        self.loader = loader
        self.parameters = parameters
        self.variables = variables
        self._test = keep if callable(keep) else None
        self._names = None if callable(keep) else as_patterns("keep", keep)

    def read(self, sources: list[Source], trusted: bool) -> list[tuple[Source, dict[str, Any]]]:
        """Return files and what is kept of them."""
        found = [
            (source, values)
            for source, values in load_all(sources, self.loader, trusted)
            if self._test is None or self._test(dict(values))
        ]
        if self._names is not None and found:
            check_patterns("keep", self._names, dict.fromkeys(name for _, values in found for name in values))
        return [(source, self._kept(values)) for source, values in found]

    def _kept(self, values: dict[str, Any]) -> dict[str, Any]:
        names = self._names
        return {
            column_name(name): value for name, value in values.items() if names is None or fits(name, names)
        }


class _Intake:
    """A study, while files come into it.

    Parameters
    ----------
    store : Store
    name : str
    study : Path or None
        The study's folder, if the study is there already.
    root : Path
    pattern : str
    """

    def __init__(self, store: Store, name: str, study: Path | None, root: Path, pattern: str) -> None:
        self._store = store
        self._name = name
        self._root = os.path.normpath(Path.cwd() / root)
        self._pattern = pattern
        self._place = study
        self._before: dict[str, Any] = {}
        if study is not None:
            with readable(study):
                self._before = dict(store.study().settings)
            self._check(study)

    def _check(self, study: Path) -> None:
        files = self._before.get(_FILES)
        if not isinstance(files, Mapping):
            raise StudyExistsError(
                f"the study in {str(study)!r} has not been read from files: give another `name`"
            )
        if files.get("root") != self._root:
            raise StudyExistsError(
                f"the study in {str(study)!r} is of the files in {files.get('root')!r}, not of those in "
                f"{self._root!r}: give another `name`; ResearchResults.merge makes one of several studies"
            )

    def take(self, chosen: _Chosen, sources: list[Source], trusted: bool) -> None:
        """Take what is new, or has changed."""
        known = self._known()
        new = [item for item in sources if not _is_same(known.rows.get(item.name), item)]
        files = chosen.read(new, trusted)
        before = self._before.get(_FILES, {})
        rest = role_of_rest(chosen.parameters, chosen.variables) or before.get("rest")
        roles = find_roles(
            [values for _, values in files],
            chosen.parameters,
            chosen.variables,
            before.get("roles", {}),
            rest,
        )
        records = list(self._records(files, roles, known))  # all that can go wrong goes wrong before
        self._begin(roles, rest)
        for first in range(0, len(records), _AT_ONCE):
            self._store.write([record for group in records[first : first + _AT_ONCE] for record in group])
        self._store.write([Closed(time.time(), DONE, None)])

    def _known(self) -> _Known:
        if self._place is None:
            return _Known({}, {}, 0)
        with readable(self._place):
            snapshot = self._store.read(variables=(SOURCE,))
            names = {row.key: decode_scalar(row.type, row.number, row.text) for row in snapshot.latest}
            rows = {str(names[row.key]): row for row in snapshot.experiments if row.key in names}
            repetitions: dict[str, int] = {}
            for row in snapshot.experiments:
                repetitions[row.config] = max(repetitions.get(row.config, 0), row.repetition + 1)
        return _Known(rows, repetitions, len(snapshot.experiments))

    def _begin(self, roles: Mapping[str, str], rest: str | None) -> None:
        settings = {
            "parameters": [name for name, role in roles.items() if role == PARAMETER],
            "variables": [*(name for name, role in roles.items() if role == VARIABLE), SOURCE],
            "workers": 1,
            "branches": 1,
            "profile": 0,
            "redirect": [0, 0],
            _FILES: {
                "root": self._root,
                "pattern": self._pattern,
                "roles": dict(roles),
                "rest": rest,
            },
        }
        domain = f"{self._pattern} of {self._root}"
        study = Study(self._name, time.time(), 0, __version__, domain, {**self._before, **settings})
        self._store.begin(study, resume=self._place is not None)

    def _records(
        self, files: Sequence[tuple[Source, dict[str, Any]]], roles: Mapping[str, str], known: _Known
    ) -> Iterator[list[Record]]:
        repetitions, number = dict(known.repetitions), known.n_experiments
        for source, values in files:
            row = known.rows.get(source.name)
            given = {name: value for name, value in values.items() if roles[name] == PARAMETER}
            found = {name: value for name, value in values.items() if roles[name] == VARIABLE}
            try:
                config = Config(given).canonical
                blocks = tuple(
                    encode_block(name, None, [0], [freeze(value)])
                    for name, value in {**found, SOURCE: source.name}.items()
                )
            except (TypeError, ValueError) as error:
                raise FilesError(
                    f"{str(source.path)!r} cannot be kept: {error}; leave it out by `keep`"
                ) from error
            if row is not None and row.config == config:
                repetition = row.repetition
            else:
                repetition = repetitions.get(config, 0)
                repetitions[config] = repetition + 1
            identity = experiment_id(config, repetition)
            place = number if row is None else row.number
            member = Member(identity, place, None, 0, repetition, 0)
            key = None if row is None else row.key
            attempt = 1 if row is None else row.attempt + 1
            number += row is None
            yield [
                Registered(member, config, None, place, 0, key, attempt, is_stored=row is not None),
                Values(identity, blocks, urgent=False),
                Ended(None, identity, DONE, None, source.modified, 1, (), None),
            ]


def _is_same(row: ExperimentRow | None, source: Source) -> bool:
    """Whether a file is stored as it is."""
    return row is not None and row.finished == source.modified
