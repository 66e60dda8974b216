"""Tables of a store, the same on SQLite and PostgreSQL: as data, for which nothing is to be imported.

- `studies`: one row each.
- `experiments`: one row for each that was handed out. `key` counts them within their study.
- `latest`: the last value of each variable, in columns that plain SQL can query.
- `history`: all values of variables that have more than one, in encoded blocks.
- `objects`: values that are no scalars.
- `profiles`: how long units took and what they called, in encoded blocks, where that was asked for.
- `outputs`: what experiments printed, where there is no folder for it.
- `runs`: who has run the study, when, by which script. (What runs add to configs is among the settings.)
- `files`: small files of studies without a folder: the definition, the surroundings. Only on servers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Kind(NamedTuple):
    """What a column holds."""

    sql: str  # SQLite's name of it
    may_lack: bool = False

    @property
    def or_none(self) -> Kind:
        """The same, of which there may be none."""
        return self._replace(may_lack=True)


INTEGER, BIGINT, DOUBLE = Kind("INTEGER"), Kind("BIGINT"), Kind("DOUBLE")
TEXT, BYTES, WORD, CODE = Kind("TEXT"), Kind("BLOB"), Kind("VARCHAR(8)"), Kind("VARCHAR(16)")


class Table(NamedTuple):
    """A table.

    Parameters
    ----------
    name : str
    keys : Mapping
        Kinds of the columns, by their names, that together tell its rows apart.
    columns : Mapping
        Kinds of the others.
    unique : tuple of (str, tuple of str)
        Indices: their names, and columns that tell rows apart, too.
    is_clustered : bool
        Rows are kept in the order of their keys, by no number of their own; best for short ones.
    """

    name: str
    keys: Mapping[str, Kind]
    columns: Mapping[str, Kind]
    unique: tuple[tuple[str | None, tuple[str, ...]], ...] = ()
    is_clustered: bool = False

    @property
    def all_columns(self) -> dict[str, Kind]:
        """Kinds of all columns, by their names."""
        return {**self.keys, **self.columns}


_OF_EXPERIMENT = {"study": INTEGER, "experiment": BIGINT}
_ITERATIONS = {"first": BIGINT, "step": BIGINT, "length": BIGINT, "iterations": BYTES.or_none}

STUDIES = Table(
    "studies",
    {"id": INTEGER},
    {
        "name": TEXT,
        "created": DOUBLE,
        "seed": TEXT,
        "version": TEXT,
        "domain": TEXT,
        "settings": TEXT,
        "next_key": BIGINT,
        "finished": DOUBLE.or_none,
        "outcome": WORD.or_none,
        "error": TEXT.or_none,
    },
    ((None, ("name",)),),
)

EXPERIMENTS = Table(
    "experiments",
    {"study": INTEGER, "key": BIGINT},
    {
        "id": CODE,
        "prefix": TEXT.or_none,
        "number": BIGINT,
        "group": BIGINT,  # a word of SQL: to be quoted where SQL is written by hand
        "slot": INTEGER,
        "generation": INTEGER,
        "repetition": INTEGER,
        "pass": INTEGER,
        "config": TEXT,
        "aliases": TEXT.or_none,
        "status": WORD,
        "attempt": INTEGER,
        "worker": INTEGER.or_none,
        "started": DOUBLE.or_none,
        "finished": DOUBLE.or_none,
        "iterations": BIGINT.or_none,
        "error": TEXT.or_none,
        "failures": TEXT.or_none,
        "code": CODE.or_none,  # a key of `versions` in `code` of the study's settings
    },
    (("experiments_by_id", ("study", "id")),),
    is_clustered=True,
)
LATER = ("code",)  # columns of experiments that databases of earlier versions lack

LATEST = Table(
    "latest",
    {**_OF_EXPERIMENT, "variable": TEXT},
    {"iteration": BIGINT, "type": TEXT, "number": DOUBLE.or_none, "text": TEXT.or_none},
    is_clustered=True,
)

HISTORY = Table(
    "history",
    {**_OF_EXPERIMENT, "variable": TEXT, "block": BIGINT},
    {**_ITERATIONS, "kind": TEXT, "data": BYTES},
)

OBJECTS = Table(
    "objects",
    {**_OF_EXPERIMENT, "variable": TEXT, "iteration": BIGINT},
    {"format": CODE, "size": BIGINT, "data": BYTES.or_none, "path": TEXT.or_none},
)

PROFILES = Table(
    "profiles",
    {**_OF_EXPERIMENT, "kind": CODE, "place": INTEGER, "block": BIGINT},
    {"unit": TEXT, **_ITERATIONS, "data": BYTES},
)

OUTPUTS = Table("outputs", {**_OF_EXPERIMENT, "stream": INTEGER, "part": BIGINT}, {"data": BYTES})

RUNS = Table(
    "runs",
    {"study": INTEGER, "number": INTEGER},
    {
        "started": DOUBLE,
        **dict.fromkeys(("user", "host", "directory", "command", "git_commit"), TEXT.or_none),
        **dict.fromkeys(("script", "text", "note", "version"), TEXT.or_none),
    },
)

FILES = Table("files", {"study": INTEGER, "name": TEXT}, {"data": BYTES})

VALUES = (LATEST, HISTORY, OBJECTS, PROFILES, OUTPUTS)  # what experiments leave, by their keys
TABLES = (STUDIES, EXPERIMENTS, *VALUES, RUNS)
OF_STUDY = (*VALUES, EXPERIMENTS, RUNS, FILES)  # whose rows say by `study` whose they are
