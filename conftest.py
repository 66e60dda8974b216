"""Runs the examples of the documentation: each page is one test, its code one script.

Docstrings of the packages are run by pytest itself (`--doctest-modules`).
"""

from __future__ import annotations

import contextlib
import doctest
import os
import subprocess
import sys
import tempfile
import types
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dill  # noqa: F401  (it keeps the `__main__` that is there when it is imported: let that be pytest's)
import pytest
from sybil import Document, Example, Region, Sybil
from sybil.evaluators.doctest import NUMBER
from sybil.example import SybilFailure
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser, SkipParser

collect_ignore = ["docs/conf.py", "docs/_build", "examples", "benchmarks", "tests/study/stand_ins"]

LONG = tuple(
    f"docs/{name}.md::examples"
    for name in ("batch-systems", "command-line", "parameter-groups", "pipelines", "plots", "refinement")
)
OF_SHELLS = (
    "batch-systems.md",
    "command-line.md",
    "parameter-groups.md",
)  # pages whose examples are typed in a shell, and whose Python is files
ROOT = Path(__file__).parent


def write_file(example: Example) -> None:
    """Write the file that an example shows, whatever is in it, named by the comment in its first line."""
    Path(example.parsed.partition("\n")[0].removeprefix("#").strip()).write_text(example.parsed)


def run_commands(example: Example) -> str | None:
    """Run the commands of an example, compare what each prints."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    checker, flags = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for part in f"\n{example.parsed}".split("\n$ ")[1:]:
        command, _, expected = part.partition("\n")
        done = subprocess.run(
            ["/bin/bash", "-c", f'research() {{ "{sys.executable}" -m research "$@"; }}\n{command}'],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={
                **os.environ,
                "PYTHONPATH": path,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
        )
        if not checker.check_output(f"{expected.strip()}\n", f"{done.stdout.strip()}\n", flags):
            return f"$ {command}\nexpected:\n{expected}\ngot:\n{done.stdout}"
    return None


def only(parser: Any, is_of_shells: bool) -> Any:
    """Return a parser of pages of one kind."""

    def parse(document: Document) -> Iterator[Region]:
        if (Path(document.path).name in OF_SHELLS) == is_of_shells:
            yield from parser(document)

    return parse


pages = Sybil(
    parsers=[
        only(PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS | NUMBER), False),
        *(only(CodeBlockParser(language, write_file), True) for language in ("python", "toml")),
        only(CodeBlockParser("console", run_commands), True),
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
        if is_again or item.nodeid in LONG:
            item.add_marker(pytest.mark.slow)
