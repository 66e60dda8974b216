"""Stores of every kind, empty, for the conformance suite."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from research.storage.memory import MemoryStore
from research.storage.opening import engine_store, sqlite_store
from tests.storage.records import study


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
