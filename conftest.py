"""Runs the examples of the documentation: each page is one test, its code one script.

Docstrings of the packages are run by pytest itself (`--doctest-modules`).
"""

from __future__ import annotations

import contextlib
import doctest
import sys
import tempfile
import types
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dill  # noqa: F401  (it keeps the `__main__` that is there when it is imported: let that be pytest's)
import pytest
from sybil import Document, Sybil
from sybil.evaluators.doctest import NUMBER
from sybil.example import SybilFailure
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

collect_ignore = ["docs/conf.py", "docs/_build", "examples", "benchmarks", "tests/study/stand_ins"]

pages = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS | NUMBER),
        SkipParser(),
    ],
    patterns=["README.md", "docs/*.md"],
)


class Page(pytest.Item):
    """All examples of one document, in their order; the first that fails ends the test."""

    def __init__(self, *, document: Document, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._document = document

    def runtest(self) -> None:
        """Run the page as a script would run, in a folder of its own."""
        main = types.ModuleType("__main__")
        self._document.namespace = vars(main)
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.chdir(folder),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setitem(sys.modules, "__main__", main)
            for example in self._document:
                with contextlib.suppress(unittest.SkipTest):  # it wants what is not installed; others do not
                    example.evaluate()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show what was expected and what came, without the inside of this machinery."""
        if isinstance(excinfo.value, SybilFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Name the test as the document."""
        return self.path, 0, f"examples of {self.path.name}"


class PageFile(pytest.File):
    """A document."""

    def collect(self) -> Iterator[pytest.Item]:
        """Make one test of a document that has examples."""
        document = pages.parse(self.path)
        if document.regions:
            yield Page.from_parent(self, name="examples", document=document)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take documents that hold examples."""
    return PageFile.from_parent(parent, path=file_path) if pages.should_parse(file_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what takes long and is seen again elsewhere.

    Workers that are started as programs do what forks do, once they are there: `tests/backends` sees to it.
    """
    for item in items:
        parts = item.nodeid.split("/")
        is_again = "spawn" in item.name and "backends" not in parts
        if is_again or item.nodeid == "docs/pipelines.md::examples":
            item.add_marker(pytest.mark.slow)
