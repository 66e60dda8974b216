"""naklar's document: its script writes 12 folders; what it asks of them is asked here, with its answers."""

from __future__ import annotations

import itertools
import json
import pickle
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from research import ResearchResults

pytest.importorskip("sklearn")
joblib = pytest.importorskip("joblib")

KERNELS, CS = ["linear", "rbf", "poly"], [0.001, 0.1, 1, 2]
F1 = [
    0.76,
    0.8,
    0.82,
    0.82,
    0.8066666667,
    0.82,
    0.8266666667,
    0.8266666667,
    0.8066666667,
    0.82,
    0.8133333333,
    0.82,
]
FILES = ("conf.json", "conf.pkl", "conf.jbl")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Train a support vector machine for each kernel and C, and leave a folder of each in three formats."""
    from sklearn import datasets, metrics, svm

    root = tmp_path_factory.mktemp("naklar") / "results"
    iris = datasets.load_iris()
    X, y = iris.data[:, :2], iris.target
    for i, (kernel, C) in enumerate(itertools.product(KERNELS, CS)):
        classifier = svm.SVC(kernel=kernel, C=C, gamma="auto")  # which was its default then
        predicted = classifier.fit(X, y).predict(X)
        scores = {
            name: getattr(metrics, f"{name}_score")(y, predicted, average="micro")
            for name in ("precision", "recall", "f1")
        }
        conf = {"kernel": kernel, "C": C, "i": i, **scores, "accuracy": metrics.accuracy_score(y, predicted)}
        folder = root / str(i)
        folder.mkdir(parents=True)
        (folder / "conf.json").write_text(json.dumps(conf))
        conf |= {"results": predicted, "path": f"results/{i}"}
        (folder / "conf.pkl").write_bytes(pickle.dumps(conf))
        joblib.dump(conf, folder / "conf.jbl")
        (folder / "svc.skl").write_bytes(pickle.dumps(classifier))
    return root


@pytest.fixture(scope="module")
def results(root):
    return ResearchResults.from_files(root, "conf.pkl", trusted=True)


def rows(frame):
    return list(frame.itertuples(index=False, name=None))


def test_each_format_holds_the_same(root):
    tables = []
    for file in FILES:
        results = ResearchResults.from_files(root, file, trusted=True)
        own = {"path"} & set(results.df)
        assert set(results.study.settings["parameters"]) == {"kernel", "C", "i"} | own
        frame = results.df
        assert frame["source"].tolist() == [f"{i}/{file}" for i in range(12)]
        assert frame["i"].tolist() == list(range(12))
        np.testing.assert_allclose(frame["f1"], F1)
        tables.append(frame.drop(columns=["id", "source", "results", "path"], errors="ignore"))
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])


def test_what_its_document_selects(results):
    c = results.c
    assert len(results.select()) == 12
    assert rows(results.select("i", "path"))[:2] == [(0, "results/0"), (1, "results/1")]
    for question in (
        {"kernel": "linear"},
        {"where": c.kernel == "linear"},
        {"where": c.kernel.isin(["linear"])},
        {"where": "kernel = 'linear'"},
    ):
        assert rows(results.select("kernel", **question)) == [("linear",)] * 4
    assert rows(results.select("kernel", c.kernel == "linear")) == [("linear",)] * 4
    for question in ({"C": 1}, {"where": c.C == 1}, {"where": "C = 1"}):
        assert rows(results.select("path", **question)) == [("results/2",), ("results/6",), ("results/10",)]
    for question in (
        {"C": [1, 2]},
        {"C": [1, 2, 3]},
        {"where": c.C.isin([1, 2, 3])},
        {"where": "C in (1, 2, 3)"},
    ):
        assert results.select("path", "C", **question)["path"].tolist() == [
            f"results/{i}" for i in (2, 3, 6, 7, 10, 11)
        ]
    for question in (c.f1 > 0.82,), ():
        found = results.select("i", "kernel", "C", "f1", *question, where=None if question else "f1 > 0.82")
        assert rows(found[["i", "kernel", "C"]]) == [(6, "rbf", 1), (7, "rbf", 2)]
    assert {type(value) for value in results.select("f1")["f1"].tolist()} == {float}


def test_values_have_their_own_types(results):
    frame = results.select("C", "i", "f1", "results")
    assert frame["i"].dtype == np.int64
    assert frame["f1"].dtype == np.float64
    assert [array.shape for array in frame["results"]] == [(150,)] * 12
    assert [config["C"] for config in results.configs.values()] == CS * 3


def test_the_database_is_asked_directly(results):
    found = results.sql("select path from experiments where kernel in ('linear') order by i")
    assert found["path"].tolist() == [f"results/{i}" for i in range(4)]


def test_only_what_is_wanted_is_loaded(root):
    results = ResearchResults.from_files(root, keep=["kernel", "C", "f1"])
    assert list(results.select()) == ["id", "kernel", "C", "f1", "source"]
    calls = []

    def load(path):
        calls.append(path)
        return json.loads(path.read_text())

    assert len(ResearchResults.from_files(root, "conf.json", loader=load).df) == 12
    assert sorted(calls) == sorted(root.glob("*/conf.json"))  # once for each


def test_its_decorators_are_columns(tmp_path):
    names = ["exp.39034.21102015141054", "exp.89045.21102015113236"]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "conf.json").write_text(
            json.dumps({"output": f"/home/user/results/{name}", "f1": 0.5})
        )
        (tmp_path / name / "table.csv").write_text(f"fold,f1\n1,{len(name)}\n")
    results = ResearchResults.from_files(tmp_path, name="study").map_paths("/home/user/results", tmp_path)
    assert results.select("output")["output"].tolist() == [str(tmp_path / name) for name in names]
    results = results.with_column(
        "started", lambda row: datetime.strptime(row["output"][-14:], "%d%m%Y%H%M%S")
    )
    results = results.with_column("table", lambda row: pd.read_csv(f"{row['output']}/table.csv"))
    assert results.select("started", where=results.c.started < datetime(2015, 10, 21, 12))[
        "started"
    ].tolist() == [datetime(2015, 10, 21, 11, 32, 36)]
    assert [table["f1"].tolist() for table in results.select("table")["table"]] == [[24], [24]]
    results.with_column("seconds", lambda row: row["started"].second, store=True)
    assert ResearchResults("study").select("seconds")["seconds"].tolist() == [54, 36]
