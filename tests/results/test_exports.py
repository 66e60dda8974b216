"""Results in files of other programs, as those programs read them."""

from __future__ import annotations

import csv
import datetime
import json
import math
import shutil
import sqlite3
import subprocess

import numpy as np
import pandas as pd
import pytest

from research import EC, Domain, E, Experiment, Research, ResearchResults
from research.errors import StudyError
from tests.results.small_studies import run, saved
from tests.results.stored_studies import write_study

DAY = datetime.date(2024, 2, 29)
TIME = datetime.datetime(2024, 2, 29, 12, 30, 0, 5)
INSTANT = datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
SPAN = datetime.timedelta(days=1, microseconds=5)
COLUMNS = {
    "an_int": [1, -(2**63), None, 2**63 - 1],
    "a_float": [0.1, None, 1e300, -0.0],
    "a_bool": [True, None, False, True],
    "a_text": ["", "ü,\n\"x'", None, "1"],
    "some_bytes": [b"", b"\x00\xff", None, b"ab"],
    "a_day": [DAY, None, DAY, DAY],
    "a_time": [TIME, None, TIME, TIME],
    "an_instant": [INSTANT, None, INSTANT, INSTANT],
    "a_span": [SPAN, None, SPAN, SPAN],
    "nothing": [None, None, None, None],
    "big": [2**70, 1, None, -(2**70)],
    "two_numbers": [1, 0.5, None, 2],
    "mixed": [1, "1", None, True],
    "nested": [[1, (2, "x")], {"a": None}, None, np.arange(2)],
}


def wide():
    """Return results of one experiment whose variables take these values."""
    experiment = Experiment()
    for name, values in COLUMNS.items():
        experiment.add_generator(name, lambda values=values: iter(values), save_to=name)
    return run(experiment, Domain(lr=[0.5]), n_iters=4)


@pytest.fixture(scope="module")
def results():
    return wide()


def test_parquet_has_the_types_of_values(results, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    table = pq.read_table(results.to_parquet(tmp_path / "r.parquet"))
    assert table.column_names == ["id", "lr", "iteration", *COLUMNS]
    types = {name: str(table.schema.field(name).type) for name in COLUMNS}
    assert types == {
        "an_int": "int64", "a_float": "double", "a_bool": "bool", "a_text": "string", "some_bytes": "binary",
        "a_day": "date32[day]", "a_time": "timestamp[us]", "an_instant": "timestamp[us, tz=UTC]",
        "a_span": "duration[us]", "nothing": "null", "big": "string", "two_numbers": "double",
        "mixed": "string", "nested": "string",
    }  # fmt: skip
    found = table.to_pydict()
    for name in [*COLUMNS][:10]:
        assert found[name] == COLUMNS[name]
    assert math.copysign(1, found["a_float"][3]) == -1
    assert [json.loads(text) if text else None for text in found["big"]] == COLUMNS["big"]
    assert found["two_numbers"] == COLUMNS["two_numbers"]
    assert found["mixed"] == ["1", '"1"', None, "true"]
    assert found["nested"] == ['[1, [2, "x"]]', '{"a": null}', None, "[0, 1]"]


def test_pandas_reads_parquet(results, tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.read_parquet(results.to_parquet(tmp_path / "r.parquet"))
    assert frame["a_bool"].tolist() == [True, None, False, True]
    assert frame["an_int"].dtype == float  # pandas' own way with integers of which some are missing
    exact = pd.read_parquet(tmp_path / "r.parquet", dtype_backend="numpy_nullable")
    assert exact["an_int"].tolist()[3] == 2**63 - 1


def test_csv_is_text(results, tmp_path):
    path = results.to_csv(tmp_path / "r.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first, second = rows[0], rows[1]
    expected = {
        "an_int": "1", "a_float": "0.1", "a_bool": "True", "a_text": "", "some_bytes": "",
        "a_day": "2024-02-29", "a_time": "2024-02-29T12:30:00.000005", "a_span": "86400.000005",
        "an_instant": "2024-02-29T10:00:00+00:00", "nothing": "", "big": str(2**70), "two_numbers": "1",
        "mixed": "1", "nested": '[1, [2, "x"]]',
    }  # fmt: skip
    assert {name: first[name] for name in COLUMNS} == expected
    assert (second["a_text"], second["some_bytes"], second["an_int"]) == ("ü,\n\"x'", "00ff", str(-(2**63)))
    frame = pd.read_csv(path)
    assert frame["a_float"].tolist()[2] == 1e300
    assert frame["lr"].tolist() == [0.5] * 4


def test_json_has_a_key_for_what_there_is(results, tmp_path):
    rows = json.loads(results.to_json(tmp_path / "r.json").read_text(encoding="utf-8"))
    first = {name: rows[0][name] for name in COLUMNS}
    assert first == {
        "an_int": 1, "a_float": 0.1, "a_bool": True, "a_text": "", "some_bytes": "", "a_day": "2024-02-29",
        "a_time": "2024-02-29T12:30:00.000005", "an_instant": "2024-02-29T10:00:00+00:00",
        "a_span": 86400.000005, "nothing": None, "big": str(2**70), "two_numbers": 1, "mixed": 1,
        "nested": [1, [2, "x"]],
    }  # fmt: skip
    assert [type(row["mixed"]) for row in rows] == [int, str, type(None), bool]
    assert [type(row["two_numbers"]) for row in rows] == [int, float, type(None), int]
    lines = results.to_json(tmp_path / "r.jsonl", lines=True).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert pd.read_json(tmp_path / "r.jsonl", lines=True)["an_int"].tolist()[0] == 1


def test_json_says_what_is_missing_by_saying_nothing(tmp_path):
    experiment = Experiment().save(E().iteration, "x").save(None, "none", when="last")
    rows = json.loads(run(experiment, n_iters=2).to_json(tmp_path / "r.json").read_text())
    assert ["none" in row for row in rows] == [False, True]
    odd = saved([math.nan, math.inf, -math.inf, "\ud800", 'a"b'])
    found = [row["x"] for row in json.loads(odd.to_json(tmp_path / "o.json").read_text(encoding="utf-8"))]
    assert found == [None, "Infinity", "-Infinity", "\ud800", 'a"b']


def test_sqlite_keeps_each_value_as_what_it_is(results, tmp_path):
    path = results.to_sqlite(tmp_path / "r.db")
    database = sqlite3.connect(path)
    try:
        for name in ("an_int", "a_float", "a_text", "some_bytes", "two_numbers"):
            found = [row[0] for row in database.execute(f"SELECT {name} FROM results ORDER BY iteration")]
            assert [(type(v), v) for v in found] == [(type(v), v) for v in COLUMNS[name]]
        mixed = database.execute("SELECT mixed, typeof(mixed) FROM results").fetchall()
        assert mixed == [(1, "integer"), ("1", "text"), (None, "null"), (1, "integer")]
        rest = database.execute('SELECT a_bool, a_day, a_time, a_span, "nothing", big, nested FROM results')
        assert rest.fetchone() == (
            1, "2024-02-29", "2024-02-29T12:30:00.000005", 86400.000005, None, str(2**70), '[1, [2, "x"]]'
        )  # fmt: skip
        frame = pd.read_sql("SELECT * FROM results", database)
        assert frame["a_text"].tolist()[:2] == ["", "ü,\n\"x'"]
    finally:
        database.close()


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="there is no shell of SQLite")
def test_the_shell_of_sqlite_reads_it(results, tmp_path):
    path = results.to_sqlite(tmp_path / "r.db", table="my table")
    query = 'SELECT an_int, quote(some_bytes), typeof(big) FROM "my table" WHERE iteration = 3'
    done = subprocess.run(["sqlite3", path, query], capture_output=True, check=True, text=True)
    assert done.stdout == f"{2**63 - 1}|X'6162'|text\n"


def test_sqlite_takes_odd_names(tmp_path):
    values = {"C": 1, "c": 2, "select": 3, 'a"b': 4, "ü/x": 5, "\ud800": 6}
    results = run(Experiment().add_callable("f", lambda: values, save_output_dict=True))
    database = sqlite3.connect(results.to_sqlite(tmp_path / "r.db", "t"))
    try:
        cursor = database.execute("SELECT * FROM t")
        shown = dict(zip([item[0] for item in cursor.description], cursor.fetchone(), strict=True))
    finally:
        database.close()
    assert {name: shown[name] for name in ("C", "c_", "select", 'a"b', "ü/x", "\\ud800")} == {
        "C": 1, "c_": 2, "select": 3, 'a"b': 4, "ü/x": 5, "\\ud800": 6,
    }  # fmt: skip
    with pytest.raises(ValueError, match="`table` must be the name of a table"):
        results.to_sqlite(tmp_path / "r.db", "sqlite_x")


@pytest.mark.parametrize("kind", ["csv", "json", "sqlite", "parquet"])
def test_parts_make_one_table(kind, tmp_path):
    pytest.importorskip("pyarrow")
    experiment = Experiment().add_callable(
        "f", lambda a: {"x": a} if a % 2 else {"y": "text"}, a=EC("a"), save_output_dict=True
    )
    results = run(experiment, Domain(a=range(7)) + Domain(b=[1.5], a=[8]))
    write = getattr(results, f"to_{kind}")
    assert write(tmp_path / "a", chunk=2).read_bytes() == write(tmp_path / "b").read_bytes()
    if kind == "csv":
        assert pd.read_csv(tmp_path / "a")["x"].dropna().tolist() == [1, 3, 5]
        assert list(pd.read_csv(tmp_path / "a"))[1:] == ["a", "b", "iteration", "x", "y"]
    with pytest.raises(ValueError, match="`chunk` must be a positive int, got 0"):
        write(tmp_path / "a", chunk=0)


def test_exports_take_the_arguments_and_filters_of_tables(tmp_path):
    results = run(Experiment().save(EC("a"), "x").save(1, "y"), Domain(a=[1, 2]), n_reps=2)

    def columns(**how):
        return list(pd.read_csv(results.to_csv(tmp_path / "r.csv", **how)))

    for how in (
        {}, {"remove_auxilary": False}, {"concat_config": True}, {"include_config": False}, {"pivot": False},
        {"concat_config": True, "drop_columns": False}, {"name": "y"},
    ):  # fmt: skip
        assert columns(**how) == list(results.to_df(**how))
    assert pd.read_csv(results.to_csv(tmp_path / "r.csv", a=2))["x"].tolist() == [2, 2]
    gap = results.with_column("gap", lambda row: row["x"] - 1)
    assert pd.read_csv(gap.to_csv(tmp_path / "r.csv", gap=0))["a"].tolist() == [1, 1]
    with pytest.raises(ValueError, match="no experiment has a parameter 'b'"):
        results.to_csv(tmp_path / "r.csv", b=2)


def test_a_study_without_values_is_a_table_without_rows(tmp_path):
    empty = run(Experiment(), Domain(a=[1]))
    assert empty.to_csv(tmp_path / "r").read_text() == "id,iteration\n"
    assert json.loads(empty.to_json(tmp_path / "r").read_text()) == []
    assert empty.to_json(tmp_path / "r", lines=True).read_text() == ""
    assert empty.to_sqlite(tmp_path / "r.db").stat().st_size


def test_files_are_whole(tmp_path, monkeypatch):
    results = saved([1, 2])
    path = results.to_csv(tmp_path / "r.csv")
    before = path.read_text()
    broken = saved([1]).with_column("bad", lambda row: 1 / 0)
    for kind in ("csv", "json", "sqlite"):
        with pytest.raises(Exception, match="bad"):
            getattr(broken, f"to_{kind}")(path)
    assert path.read_text() == before
    assert [item.name for item in tmp_path.iterdir()] == ["r.csv"]
    with pytest.raises(ValueError, match="`path` must be the name of a file"):
        results.to_csv(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=r"cannot be written: .*give another `path`"):
        results.to_csv(tmp_path / "file" / "r.csv")


def test_objects_of_a_stranger_stay_closed(tmp_path):
    name = write_study(str(tmp_path / "s"), {1: [{1, 2}]})
    text = ResearchResults(name).to_csv(tmp_path / "r.csv").read_text()
    assert "bytes, not loaded>" in text


def test_parameters_are_dimensions():
    pytest.importorskip("xarray")
    domain = Domain(kernel=["a", "b"], C=[1, 10]) * Domain(fixed=[3])
    experiment = Experiment().save(EC("C") * 2, "y").save(EC("kernel"), "s")
    data = run(experiment, domain, n_iters=3).to_xarray()
    assert dict(data.sizes) == {"kernel": 2, "C": 2, "iteration": 3}
    assert data["y"].dims == ("kernel", "C", "iteration")
    assert data["y"].dtype == np.int64
    assert data["y"].sel(kernel="b", C=10, iteration=2).item() == 20
    assert data["s"].sel(kernel="b", C=1, iteration=0).item() == "b"
    assert data["fixed"].item() == 3
    again = run(experiment, domain, n_reps=2).to_xarray(kernel="a")
    assert dict(again.sizes) == {"C": 2, "repetition": 2}


def test_places_without_values_are_missing():
    pytest.importorskip("xarray")
    domain = Domain(model=["svm"], C=[1, 10]) + Domain(model=["tree"], depth=[2])
    data = run(Experiment().save(5, "y").save("t", "s"), domain).to_xarray()
    assert dict(data.sizes) == {"model": 2, "C": 3, "depth": 2}
    assert data["y"].count().item() == 3
    assert data["y"].sum().item() == 15
    small = run(Experiment().save(5, "y"), domain).to_xarray(dims="model", model="tree")
    assert small["y"].values.tolist() == [5]


def test_two_values_for_one_place_are_refused():
    pytest.importorskip("xarray")
    results = run(Experiment().save(EC("a"), "y"), Domain(a=[1, 2], b=[1, 2]))
    with pytest.raises(ValueError, match=r"two rows have one place, of \w+ and \w+: add 'b' to `dims`"):
        results.to_xarray(dims=["a"])
    with pytest.raises(ValueError, match="`dims` has 'c', which is no parameter"):
        results.to_xarray(dims=["a", "c"])
    diagonal = Domain({f"p{i}": range(20) for i in range(6)}).sample(30, seed=1)
    with pytest.raises(ValueError, match=r"30 rows would be spread over .* places"):
        run(Experiment().save(1, "y"), diagonal).to_xarray()
    assert run(Experiment().save(1, "y"), Domain(a=[[1], {"b": 2}])).to_xarray().sizes


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "sqlite"])
def test_files_of_studies_are_not_written_over(kind):
    study = Research("study", Domain(a=[1, 2])).save(EC("a"), "b").run(bar=False)
    for name in ("study/research.db", "study/research.log"):
        with pytest.raises(ValueError, match=r"`path` must not be a file of a study"):
            getattr(study.results, f"to_{kind}")(name)
    assert ResearchResults("study").df["b"].tolist() == [1, 2]
