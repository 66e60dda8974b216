"""What everything that shows results asks of them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from research.results.selection import StoredExperiment
from research.results.values import Series
from research.storage.base import Store, Study


class Reads:
    """Reads a study; `ResearchResults` says how."""

    _store: Store

    @property
    def study(self) -> Study:
        """What is stored of the study as a whole."""
        raise NotImplementedError

    def _reading(self) -> AbstractContextManager[None]:
        """Turn errors of what is read into one that names the study."""
        raise NotImplementedError

    def _read(
        self, filters: dict[str, Any], values: bool = True, configs: bool = True
    ) -> tuple[list[StoredExperiment], list[Series]]:
        """Return experiments that filters leave, and their values."""
        raise NotImplementedError
