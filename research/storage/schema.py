"""Tables of a store, the same on SQLite and PostgreSQL.

- `studies`: one row each.
- `experiments`: one row for each that was handed out. `key` counts them within their study.
- `latest`: the last value of each variable, in columns that plain SQL can query.
- `history`: all values of variables that have more than one, in encoded blocks.
- `objects`: values that are no scalars.
- `profiles`: how long units took and what they called, in encoded blocks, where that was asked for.
- `outputs`: what experiments printed, where there is no folder for it.
- `runs`: who has run the study, when, by which script. (What runs add to configs is among the settings.)
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

studies = Table(
    "studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created", Double, nullable=False),
    Column("seed", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("next_key", BigInteger, nullable=False),
    Column("finished", Double),
    Column("outcome", String(8)),
    Column("error", Text),
)

experiments = Table(
    "experiments",
    metadata,
    Column("study", Integer, primary_key=True, autoincrement=False),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(16), nullable=False),
    Column("prefix", Text),
    Column("number", BigInteger, nullable=False),
    Column("group", BigInteger, nullable=False),  # a word of SQL: to be quoted where SQL is written by hand
    Column("slot", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("repetition", Integer, nullable=False),
    Column("pass", Integer, nullable=False),
    Column("config", Text, nullable=False),
    Column("aliases", Text),
    Column("status", String(8), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker", Integer),
    Column("started", Double),
    Column("finished", Double),
    Column("iterations", BigInteger),
    Column("error", Text),
    Column("failures", Text),
    Column("code", String(16)),  # a key of `versions` in `code` of the study's settings
    Index("experiments_by_id", "study", "id", unique=True),
    sqlite_with_rowid=False,
)

latest = Table(
    "latest",
    metadata,
    Column("study", Integer, primary_key=True, autoincrement=False),
    Column("experiment", BigInteger, primary_key=True, autoincrement=False),
    Column("variable", Text, primary_key=True),
    Column("iteration", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("number", Double),
    Column("text", Text),
    sqlite_with_rowid=False,
)


def _place_in_history() -> list[Column[Any]]:
    """Return columns that say which iterations a block is about."""
    return [
        Column("first", BigInteger, nullable=False),
        Column("step", BigInteger, nullable=False),
        Column("length", BigInteger, nullable=False),
        Column("iterations", LargeBinary),
    ]


history = Table(
    "history",
    metadata,
    Column("study", Integer, primary_key=True, autoincrement=False),
    Column("experiment", BigInteger, primary_key=True, autoincrement=False),
    Column("variable", Text, primary_key=True),
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    *_place_in_history(),
    Column("kind", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

objects = Table(
    "objects",
    metadata,
    Column("study", Integer, primary_key=True, autoincrement=False),
    Column("experiment", BigInteger, primary_key=True, autoincrement=False),
    Column("variable", Text, primary_key=True),
    Column("iteration", BigInteger, primary_key=True, autoincrement=False),
    Column("format", String(16), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("data", LargeBinary),
    Column("path", Text),
)

profiles = Table(
    "profiles",
    metadata,
    Column("study", Integer, primary_key=True, autoincrement=False),
    Column("experiment", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("unit", Text, nullable=False),
    *_place_in_history(),
    Column("data", LargeBinary, nullable=False),
)

outputs = Table(
    "outputs",
    metadata,
    Column("study", Integer, primary_key=True, autoincrement=False),
    Column("experiment", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", Integer, primary_key=True, autoincrement=False),
    Column("part", BigInteger, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("study", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started", Double, nullable=False),
    Column("user", Text),
    Column("host", Text),
    Column("directory", Text),
    Column("command", Text),
    Column("git_commit", Text),
    Column("script", Text),
    Column("text", Text),
    Column("note", Text),
    Column("version", Text),
)
