"""What a study on disk promises beyond what every store does."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from research.errors import StudyNotFoundError
from research.events import DONE, Member, Values
from research.results.values import all_series, opened
from research.storage.base import Closed, Registered, Study
from research.storage.encoding import encode_block, freeze
from research.storage.opening import sqlite_store
from research.storage.schema import metadata
from research.storage.shelf import LARGE
from research.whole import write_whole


@pytest.fixture
def folder(tmp_path):
    path = Path(tmp_path) / "study"
    path.mkdir()
    return path


def begin(folder):
    store = sqlite_store(folder)
    store.begin(Study("s", 0.0, 1, "v", "d", {}))
    store.write([Registered(Member("0" * 16, 0, 0, 0, 0, 0), "{}", None)])
    return store


def save(store, variable, value):
    store.write([Values("0" * 16, (encode_block(variable, None, [0], [freeze(value)]),), False)])


def test_the_database_is_in_wal_mode_and_readable_by_any_sqlite(folder):
    store = begin(folder)
    save(store, "x", 0.5)
    with closing(sqlite3.connect(folder / "research.db")) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
        assert connection.execute("select variable, number from latest").fetchall() == [("x", 0.5)]
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    store.close()


def test_a_reader_sees_what_was_written_while_the_writer_is_open(folder):
    store = begin(folder)
    reader = sqlite_store(folder, read_only=True)
    save(store, "x", 1)
    assert len(reader.read(variables=None).latest) == 1
    save(store, "y", 1)
    assert len(reader.read(variables=None).latest) == 2
    store.close()


def test_a_reader_cannot_write(folder):
    begin(folder).close()
    reader = sqlite_store(folder, read_only=True)
    with pytest.raises(Exception, match="readonly"):
        reader.write([Registered(Member("1" * 16, 0, 0, 0, 0, 0), "{}", None)])


@pytest.mark.parametrize("variable", ["x", "../../x", "/etc/x", "a/b"])
def test_large_objects_are_files_inside_the_folder(folder, variable):
    before = {path for path in folder.parent.rglob("*") if folder not in path.parents}
    array = np.arange(LARGE // 8 + 1)
    store = begin(folder)
    save(store, variable, array)
    (path,) = (folder / "objects").iterdir()
    assert path.stat().st_size >= LARGE
    assert {path for path in folder.parent.rglob("*") if folder not in path.parents} == before
    snapshot = sqlite_store(folder, read_only=True).read(variables=None)
    (series,) = all_series(snapshot, opened(snapshot.objects, False))
    np.testing.assert_array_equal(series.values[0], array)
    store.close()


def test_a_folder_without_a_study_is_said_to_be_none(folder):
    with pytest.raises(StudyNotFoundError, match=r"no research\.db"):
        sqlite_store(folder, read_only=True)


def test_a_folder_that_cannot_be_written_is_read(folder):
    store = begin(folder)
    save(store, "x", 1)
    store.close()
    folder.chmod(0o500)
    (folder / "research.db").chmod(0o400)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user may write everywhere")
        assert len(sqlite_store(folder, read_only=True).read(variables=None).latest) == 1
    finally:
        folder.chmod(0o700)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = Path(tmp_path) / "new" / "file"
    write_whole(path, b"first")
    with pytest.raises(TypeError):
        write_whole(path, "not bytes")
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


def layout(connection):
    """Return what SQLite knows of all tables and their indices."""
    tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    found = {}
    for name, text in tables:
        columns = connection.execute(f"PRAGMA table_xinfo({name})").fetchall()
        indices = sorted(row[1:] for row in connection.execute(f"PRAGMA index_list({name})"))
        parts = [connection.execute(f"PRAGMA index_info({index[0]})").fetchall() for index in indices]
        found[name] = "WITHOUT ROWID" in text, columns, indices, parts
    return found


def indices(folder):
    with closing(sqlite3.connect(folder / "research.db")) as database:
        named = database.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        return [name for (name,) in named]


def test_the_index_of_ids_is_made_of_all_at_once_when_a_run_ends(folder):
    store = begin(folder)
    store.write([Registered(Member("1" * 16, 1, 0, 0, 0, 0), "{}", None)])
    assert indices(folder) == []
    store.write([Closed(1.0, DONE, None)])
    assert indices(folder) == ["experiments_by_id"]
    store.begin(Study("s", 0.0, 1, "v", "d", {}), resume=True)
    store.write([Registered(Member("2" * 16, 2, 0, 0, 0, 0), "{}", None), Closed(1.0, DONE, None)])
    assert len(store.read().experiments) == 3
    store.close()


def test_tables_are_those_that_sqlalchemy_would_make(folder):
    store = begin(folder)
    store.write([Closed(1.0, DONE, None)])  # indices come last
    store.close()
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    with closing(sqlite3.connect(folder / "research.db")) as made, engine.connect() as expected:
        assert layout(made) == layout(expected.connection)
    engine.dispose()
