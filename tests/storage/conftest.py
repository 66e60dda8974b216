"""Stores of every kind, empty, for the conformance suite."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa

from research.storage.memory import MemoryStore
from research.storage.opening import engine_store, sqlite_store
from tests.storage.records import study

POSTGRES = os.environ.get("RESEARCH_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test")


@pytest.fixture(scope="session")
def postgres_engine():
    """Connect to PostgreSQL, in a schema of its own that goes at the end."""
    schema = f"research_{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(POSTGRES)
    try:
        with admin.begin() as connection:
            connection.execute(sa.text(f"create schema {schema}"))
    except sa.exc.OperationalError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL at RESEARCH_TEST_POSTGRES={POSTGRES}: {error.orig}")
    engine = sa.create_engine(POSTGRES, connect_args={"options": f"-c search_path={schema}"})
    yield engine
    engine.dispose()
    with admin.begin() as connection:
        connection.execute(sa.text(f"drop schema {schema} cascade"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "memory", "postgresql"])
def store(request, tmp_path):
    """Return a store that has not begun."""
    if request.param == "sqlite":
        folder = Path(tmp_path) / "study"
        folder.mkdir()
        made = sqlite_store(folder)
    elif request.param == "memory":
        made = MemoryStore()
    else:
        made = engine_store(request.getfixturevalue("postgres_engine"), f"study {uuid.uuid4()}")
    yield made
    if request.param != "postgresql":
        made.close()


@pytest.fixture
def begun(store):
    store.begin(study(f"study {uuid.uuid4()}"))
    return store
