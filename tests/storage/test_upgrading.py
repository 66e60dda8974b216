"""Databases of versions that had fewer columns."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing

import pytest
import sqlalchemy as sa

from research import EC, Domain, Research, ResearchResults
from research.storage.opening import engine_store
from tests.storage.records import registered, study


def double(a):
    return 2 * a


def make(name, values, is_old):
    described = Research(name, Domain(a=values)).add_callable(double, a=EC("a"), save_to="b")
    described.run(seed=1, bar=False)
    if is_old:
        with closing(sqlite3.connect(f"{name}/research.db")) as database, database:
            database.execute("ALTER TABLE experiments DROP COLUMN code")
    return described


def test_an_old_study_is_read_and_gone_on_with():
    described = make("study", [1, 2], is_old=True)
    assert described.results.statuses_to_df()["code"].tolist() == [None, None]
    reader = ResearchResults("study")
    assert len(reader.df) == 2
    described.domain = Domain(a=[1, 2, 3])
    described.run(resume=True, bar=False)
    codes = reader.statuses_to_df()["code"]
    assert codes.isna().tolist() == [True, True, False]


@pytest.mark.parametrize("are_old", [(True, False), (False, True), (True, True)])
def test_old_studies_are_merged(are_old):
    for number, is_old in enumerate(are_old):
        make(f"part {number}", [number, 10], is_old)
    merged = ResearchResults.merge(["part 0", "part 1"], into="whole")
    assert sorted(merged.df["b"]) == [0, 2, 20]
    codes = merged.statuses_to_df().set_index("id")["code"].notna()
    known = [codes[id_] for id_, config in merged.configs.items() if config["a"] != 10]
    assert known == [not is_old for is_old in are_old]


def test_an_old_database_of_postgresql_is_gone_on_with(postgres_engine):
    name = f"study {uuid.uuid4()}"
    store = engine_store(postgres_engine, name)
    store.begin(study(name))
    store.write([registered(0)])
    with postgres_engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE experiments DROP COLUMN code"))
    assert [row.code for row in engine_store(postgres_engine, name).read().experiments] == [None]
    again = engine_store(postgres_engine, name)
    again.begin(study(name), resume=True)
    again.write([registered(1)._replace(code="0123abcd")])
    assert [row.code for row in again.read().experiments] == [None, "0123abcd"]
