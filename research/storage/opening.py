"""Where a new study keeps its results."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from research.storage.base import Store


def open_store(folder: Path | None, stack: ExitStack) -> Store:
    """Open the store of a new study: in its folder, or in memory if it has none.

    Parameters
    ----------
    folder : Path or None
    stack : ExitStack
        Closes the store, but for one in memory, which is read after the run.
    """
    if folder is None:
        from research.storage.memory import MemoryStore

        return MemoryStore()
    from research.storage.sql import sqlite_store

    store = sqlite_store(folder)
    stack.callback(store.close)
    return store
