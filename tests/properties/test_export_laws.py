"""Files of results hold, for whoever reads them, the values that were saved, of their types."""

from __future__ import annotations

import csv
import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings

from research import ResearchResults
from research.storage.memory import MemoryStore
from tests.results.questions import fill

LARGE = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=True, allow_infinity=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
KINDS = {
    "int": LARGE,
    "float": FLOATS,
    "bool": st.booleans(),
    "text": TEXTS | st.sampled_from(["1", "nan", "", "NULL", "true", "\r", "\r\n", ",", '"', "=1+1"]),
    "numbers": st.integers(-(2**53), 2**53) | FLOATS,
    "mixed": LARGE | FLOATS | st.booleans() | TEXTS,
}
PARQUET = {
    "int": {"int64"},
    "float": {"double"},
    "bool": {"bool"},
    "text": {"string"},
    "numbers": {"int64", "double"},
    "mixed": {"int64", "double", "bool", "string"},
}


def some(prefix):
    values = {f"{prefix} {kind}": of_kind | st.none() for kind, of_kind in KINDS.items()}
    return st.fixed_dictionaries({}, optional=values)


STUDIES = st.lists(st.tuples(some("p"), some("v")), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def write():
    """Return what writes results of experiments to a file, and returns its name and their values."""
    with tempfile.TemporaryDirectory() as folder:

        def write(experiments, kind, **how):
            numbered = [
                ({"nth": nth, **config}, {"seen": 1, **saved})
                for nth, (config, saved) in enumerate(experiments)
            ]
            results = ResearchResults(fill(MemoryStore(), numbered))
            path = getattr(results, f"to_{kind}")(Path(folder, "file"), chunk=2, **how)
            return path, [{**config, **saved} for config, saved in numbered]

        yield write


def same(left, right):
    return type(left) is type(right) and (left == right or (left != left and right != right))


def is_nan(value):
    return value != value


@settings(max_examples=20)
@given(experiments=STUDIES)
def test_pyarrow_and_pandas_read_parquet(write, experiments):
    pq = pytest.importorskip("pyarrow.parquet")
    path, rows = write(experiments, "parquet")
    table = pq.read_table(path)
    nullable = pd.read_parquet(path, dtype_backend="numpy_nullable")
    for name in table.column_names:
        kind = name.rpartition(" ")[2]
        if kind not in KINDS:
            continue
        expected, type_ = [row.get(name) for row in rows], str(table.schema.field(name).type)
        present = [value for value in expected if value is not None]
        assert type_ in (PARQUET[kind] if present else {"null"})
        found = table[name].to_pylist()
        if type_ == "string" and not all(isinstance(value, str) for value in present):  # of several kinds
            found = [None if text is None else json.loads(text) for text in found]
        elif type_ == "double":
            expected = [None if value is None else float(value) for value in expected]
        assert all(map(same, found, expected)), name
        if kind == "int" and present:
            assert [None if value is pd.NA else value for value in nullable[name].tolist()] == expected


@settings(max_examples=20)
@given(experiments=STUDIES)
def test_sqlite3_reads_each_value_as_what_it_is(write, experiments):
    path, rows = write(experiments, "sqlite")
    with closing(sqlite3.connect(path)) as database:
        cursor = database.execute("SELECT * FROM results ORDER BY nth")
        names = [item[0] for item in cursor.description]
        for found, row in zip(cursor.fetchall(), rows, strict=True):
            for name, value in zip(names, found, strict=True):
                expected = row.get(name)
                if name.rpartition(" ")[2] in KINDS:
                    expected = (
                        None
                        if is_nan(expected)
                        else int(expected)
                        if isinstance(expected, bool)
                        else expected
                    )
                    assert same(value, expected), name


@settings(max_examples=20)
@given(experiments=STUDIES, lines=st.booleans())
def test_json_says_what_was_saved_and_nothing_of_the_rest(write, experiments, lines):
    path, rows = write(experiments, "json", lines=lines)
    text = path.read_text(encoding="utf-8")
    found = [json.loads(line) for line in text.split("\n")[:-1]] if lines else json.loads(text)
    said = {float("inf"): "Infinity", -float("inf"): "-Infinity"}
    for own, row in zip(found, rows, strict=True):
        assert own.keys() - {"id", "iteration"} == row.keys()
        for name, value in row.items():
            expected = (
                None if is_nan(value) else said.get(value, value) if isinstance(value, float) else value
            )
            assert same(own[name], expected), name


@settings(max_examples=20)
@given(experiments=STUDIES)
def test_csv_has_all_digits_and_all_characters(write, experiments):
    path, rows = write(experiments, "csv")
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records") == found
    for own, row in zip(found, rows, strict=True):
        for name in own.keys() - {"id", "iteration"}:
            value = row.get(name)
            assert own[name] == ("" if value is None else value if isinstance(value, str) else repr(value))
