"""Questions: what is selected, what is best, what there is, what differs, what SQL says."""

from __future__ import annotations

import datetime
import math
import signal
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from research import EC, Alias, Domain, E, Experiment, Research, ResearchResults
from research.errors import DamagedStudyError
from research.framing import as_text
from research.storage.memory import MemoryStore
from tests.results.questions import fill
from tests.results.small_studies import run, saved
from tests.results.stored_studies import write_study

KERNELS, CS = ["linear", "rbf", "poly"], [0.001, 0.1, 1.0, 2.0]
F1 = [0.76, 0.8, 0.82, 0.82, 0.806, 0.82, 0.826, 0.827, 0.806, 0.82, 0.813, 0.82]


def relu(x):
    """Return the positive part."""
    return max(x, 0)


def in_memory(experiments, **settings):
    return ResearchResults(fill(MemoryStore(), experiments, **settings))


@pytest.fixture(scope="module")
def iris():
    """Three kernels by four values of C, as somebody has found them on iris."""
    grid = [(kernel, C) for kernel in KERNELS for C in CS]
    return in_memory(
        [({"kernel": kernel, "C": C}, {"f1": f1}) for (kernel, C), f1 in zip(grid, F1, strict=True)],
        parameters=["kernel", "C"],
    )


def found(results, *names, **question):
    """Return the rows of an answer as tuples; of one column, as values."""
    frame = results.select(*names, **question)
    return frame[names[0]].tolist() if len(names) == 1 else list(frame.itertuples(index=False, name=None))


def test_keywords_are_equalities_and_lists_are_alternatives(iris):
    assert found(iris, "kernel", C=1) == KERNELS
    assert found(iris, "kernel", "C", C=[1, 2, 3]) == [(k, C) for k in KERNELS for C in (1.0, 2.0)]
    for values in ({1, 2}, range(1, 3), np.array([1, 2]), pd.Series([1, 2])):
        assert len(found(iris, "kernel", C=values)) == 6
    assert found(iris, "C", kernel="linear", C=(1,)) == []
    assert found(iris, "f1", kernel="linear") == F1[:4]


def test_where_and_conditions_ask_for_what_is_greater(iris):
    best = [("rbf", 1.0), ("rbf", 2.0)]
    assert found(iris, "kernel", "C", where="f1 > 0.82") == best
    assert found(iris, "kernel", "C", where=iris.c.f1 > 0.82) == best
    assert list(iris.select("kernel", "C", iris.c.f1 > 0.82).itertuples(index=False, name=None)) == best
    text = "f1 > 0.82 and kernel in ('rbf', 'poly')"
    assert found(iris, "C", where=text, C=[1, 2], order_by="-f1", limit=10) == [2.0, 1.0]
    assert list(iris.select().columns) == ["id", "kernel", "C", "f1"]
    assert len(iris.select()) == 12


def test_the_order_is_that_of_names_and_of_experiments(iris):
    assert found(iris, "kernel", order_by=["kernel", "-C"], C=[1, 2])[:3] == ["linear", "linear", "poly"]
    assert found(iris, "C", order_by=["-kernel", "-C"], limit=5) == [2.0, 1.0, 0.1, 0.001, 2.0]
    assert found(iris, "C", order_by="kernel", kernel="rbf") == CS
    assert found(iris, "C", limit=0) == []


REFUSED = [
    (
        {"names": ("f2",)},
        ValueError,
        "no experiment has a parameter or variable 'f2'; known: 'C', 'f1', 'kernel'",
    ),
    ({"where": "kernle == 'rbf'"}, ValueError, "'kernle'; did you mean 'kernel'"),
    ({"order_by": "-f11"}, ValueError, "'f11'; did you mean 'f1'"),
    ({"status": "faild"}, ValueError, "no experiment has ever the status 'faild'; did you mean 'failed'"),
    ({"where": "status in ('done', 'lots')"}, ValueError, "the status 'lots'; did you mean 'lost'"),
    ({"where": "not (kernel = 'rbf' or status == 'dne')"}, ValueError, "the status 'dne'.* 'done'"),
    ({"where": "status = done"}, ValueError, "variable 'done'; if it is a value, it takes quotes: 'done'"),
    ({"where": "kernel = rbf"}, ValueError, "variable 'rbf'; if it is a value, it takes quotes: 'rbf'"),
    ({"c": 1}, ValueError, "no experiment has a parameter or variable 'c'"),
    ({"names": (3,)}, TypeError, "names of what is to be shown are str, got 3"),
    ({"where": 3}, TypeError, "`where` must be a text .* got 3"),
    ({"order_by": 3}, TypeError, "`order_by` must be a name or a list of names, got 3"),
    ({"limit": -1}, ValueError, "`limit` must be a number of rows, not less than 0, got -1"),
    ({"limit": True}, ValueError, "`limit` must be"),
]


@pytest.mark.parametrize(("question", "error", "message"), REFUSED)
def test_what_means_nothing_is_refused(iris, question, error, message):
    question = dict(question)
    with pytest.raises(error, match=message):
        iris.select(*question.pop("names", ()), **question)


def test_last_values_count_and_filters_of_load_hold():
    experiment = Experiment().save(E().iteration + EC("a") * 10, "x").save(EC("a"), "a_again", when="last")
    results = run(experiment, Domain(a=[1, 2, 3]), n_iters=3)
    assert found(results, "a", "x") == [(1, 12), (2, 22), (3, 32)]
    assert found(results.load(a=[2]), "x") == []
    assert found(results.load(a=2), "x") == [22]
    assert found(results.load(iterations=[0, 1]), "x", "a_again") != []
    assert results.select("x")["x"].tolist() == [11, 21, 31]
    assert list(results.load(name="x").select().columns) == ["id", "a", "x"]


def test_what_is_missing_is_unlike_everything():
    experiments = [({"a": 1, "b": None}, {"x": 1.0}), ({"a": 2}, {"x": math.nan}), ({"a": 3, "b": 5}, {})]
    results = in_memory(experiments)
    assert found(results, "a", where="x is null") == [2, 3]
    assert found(results, "a", x=None) == found(results, "a", x=math.nan) == [2, 3]
    assert found(results, "a", where="b != 5") == [1, 2]
    assert found(results, "a", where="not b > 5") == [1, 2, 3]
    assert found(results, "a", b=[None, 5]) == [1, 2, 3]
    assert found(results, "a", where="x == b") == []
    assert found(results, "a", order_by="-x") == found(results, "a", order_by="x") == [1, 2, 3]


def test_numbers_are_equal_by_what_they_are_and_texts_are_no_numbers():
    values = [1, 1.0, True, "1", 2**70, np.float32(0.1), np.int8(5), 0.1, 1 + 2j, datetime.date(2020, 1, 2)]
    results = in_memory([({"n": n, "v": value}, {"x": value}) for n, value in enumerate(values[:8])])
    assert found(results, "n", v=1) == found(results, "n", x=1) == [0, 1, 2]
    assert found(results, "n", x="1") == [3]
    assert found(results, "n", where=f"x == {2**70}") == [4]
    assert found(results, "n", where=f"x < {2**70 + 1} and x > 5") == [4]
    assert found(results, "n", where="x == 0.1") == [5, 7]
    assert found(results, "n", where="x between 5 and 6") == [6]
    assert found(results, "n", where="x < 'a'") == [3]
    others = in_memory([({"v": value}, {}) for value in [*values[8:], (1, 2), [1, 2]]])
    day = datetime.date(2020, 1, 1)
    assert len(others.select("v", where=others.c.v > day)) == 1
    assert len(others.select("v", v=(1, 2))) == len(others.select("v", v=[[1, 2]])) == 1
    assert len(others.select("v", where="v > 0")) == 0


def test_functions_are_known_by_their_names_and_by_themselves():
    results = run(Experiment().save(EC("a"), "x"), Domain(act=[relu, abs, Alias(max, "most")], a=[1]))
    assert found(results, "a", act="relu") == found(results, "a", act=relu) == [1]
    assert found(results, "a", where="act in ('abs', 'max')") == [1, 1]
    stranger = ResearchResults(results.store)
    assert found(stranger, "a", act="relu") == found(stranger, "a", act=relu) == [1]


def test_what_defaults_aliases_workers_and_branches_add_is_there():
    domain = Domain({Alias("opt/C", "C"): [Alias(1, "one"), 2]}).with_defaults(depth=3)
    results = run(Experiment().save(EC("opt/C"), "x"), domain, workers=[{"where": "here"}])
    assert found(results, "opt/C", "depth", "where") == [(1, 3, "here"), (2, 3, "here")]
    assert found(results, "x", opt={"C": 2}) == [2]
    assert found(results, "x", where="opt/C == 2 and `where` like 'h%'") == [2]
    frame = results.to_df().drop(columns="iteration")
    pd.testing.assert_frame_equal(results.select(), frame)


def test_what_rules_keep_out_and_what_came_later_is_there():
    domain = (
        (Domain(a=[1, 2]) * Domain(note=["x"], file=["/here/f"]))
        .ignore("note")
        .hash_with(file=lambda config, value: len(value))
    )
    Research("study", domain).add_callable(abs, args=[EC("a")], save_to="x").run(parallel=False, bar=False)
    wider = Domain(a=[1, 2, 3], depth=[2]) * Domain(note=["x"], file=["/here/f"])
    wider = (
        wider.with_defaults(depth=2, width=5).ignore("note").hash_with(file=lambda config, value: len(value))
    )
    study = Research("study", wider).add_callable(abs, args=[EC("a")], save_to="x")
    added = [{"where": "here"}]
    results = study.run(parallel=False, bar=False, resume=True, workers=added, code_changed="keep").results
    frame = results.to_df().drop(columns="iteration")
    pd.testing.assert_frame_equal(results.select(), frame)
    assert found(results, "a", "note", "file", "depth", where="width == 5")[0] == (1, "x", "/here/f", 2)
    assert found(results, "a", where="`where` is null") == [1, 2]


def test_fields_of_experiments_give_way_to_what_is_called_like_them():
    write_study("study", {1: [0.5], 2: []}, statuses={2: "failed"})
    results = ResearchResults("study")
    assert found(results, "a", status="failed") == [2]
    assert results.select("id", "repetition", "device", "iterations", "worker").shape == (2, 5)
    named = in_memory([({"status": "mine"}, {"error": 0.5})])
    assert found(named, "status", "status_", "error") == [("mine", "done", 0.5)]
    assert named.select("error_").isna().all(axis=None)
    assert found(named, "error", where="status == 'mine' and status_ == 'done'") == [0.5]


def test_a_study_without_experiments_has_empty_answers():
    results = in_memory([], parameters=["a"], variables=["x"])
    assert results.select("a", "x", where="x > 1").shape == (0, 2)
    assert results.best("x").empty and results.describe().empty and results.aggregate("x").empty
    assert results.sql("select count(*) as n from experiments")["n"].tolist() == [0]


def test_the_best_are_the_greatest_or_the_least(iris):
    assert iris.best("f1", n=2)["f1"].tolist() == [0.827, 0.826]
    assert iris.best("f1", n=1, mode="min")["C"].tolist() == [0.001]
    best = iris.best("f1", n=1, by="kernel", where="C < 2")
    assert best[["kernel", "C"]].values.tolist() == [["rbf", 1.0], ["linear", 1.0], ["poly", 0.1]]
    assert len(iris.best("f1", n=2, by=["kernel", "C"])) == 12
    assert len(iris.best("f1", n=100)) == 12
    with pytest.raises(ValueError, match="'kernel' has no numbers"):
        iris.best("kernel")
    with pytest.raises(ValueError, match="`mode` must be 'max' or 'min', got 'maximum'"):
        iris.best("f1", mode="maximum")
    with pytest.raises(ValueError, match="`n` must be a positive int, got 0"):
        iris.best("f1", n=0)
    with pytest.raises(ValueError, match="did you mean 'kernel'"):
        iris.best("f1", by="kernell")


def test_the_best_leaves_out_what_is_no_number():
    results = in_memory(
        [({"a": n}, {"x": x}) for n, x in enumerate([math.nan, "1", None, 2, True, math.inf])]
    )
    assert results.best("x")["a"].tolist() == [5, 3, 4]
    assert results.best("x", where="a < 3 and x is null").empty


def test_a_description_tells_what_there_is():
    experiments = [({"a": n, "act": "x" * n}, {"x": [1, 2.5, None, {n}][n]}) for n in range(4)]
    frame = in_memory(experiments).describe().set_index("name")
    assert frame.loc["a"].tolist() == ["parameter", "int", 4, 0, 4, 0, 3, "0, 1, 2, 3"]
    assert frame.loc["x", ["role", "types", "count", "missing", "different"]].tolist() == [
        "variable",
        "None, float, int, object",
        3,
        1,
        2,
    ]
    assert frame.loc["x", ["min", "max"]].tolist() == [1, 2.5]
    assert in_memory(experiments).describe(where="a > 1")["count"].tolist() == [2, 2, 1]


def test_a_comparison_shows_what_differs(iris):
    ids = iris.select("id", C=1)["id"].tolist()
    frame = iris.compare(ids)
    assert list(frame.columns) == ids
    assert frame.index.tolist() == ["kernel", "f1"]
    assert frame.loc["kernel"].tolist() == KERNELS
    assert iris.compare(ids[:1]).empty and iris.compare([ids[0]] * 2).empty
    with pytest.raises(ValueError, match="there is no experiment '0123'"):
        iris.compare(["0123"])
    results = in_memory([({"a": 1, "b": 2}, {"x": math.nan}), ({"a": 1.0, "c": 2}, {"x": math.nan})])
    assert sorted(results.compare(results.select("id")["id"]).index) == ["a", "b", "c"]


def test_means_are_those_of_pandas():
    generator = np.random.default_rng(1)
    experiments = [({"a": a, "fold": fold}, {"x": generator.normal()}) for a in "uv" for fold in range(5)]
    experiments += [({"a": "w", "fold": fold}, {"x": math.nan if fold else 1.0}) for fold in range(2)]
    results = in_memory(experiments)
    groups = results.to_df().groupby("a")["x"]
    expected = pd.DataFrame(
        {"mean": groups.mean(), "std": groups.std(), "count": groups.count(), "sem": groups.sem()}
    )
    frame = results.aggregate("x", over="fold").set_index("a")
    pd.testing.assert_frame_equal(frame, as_text(expected), check_index_type=False)
    assert results.aggregate("x", over=["fold", "a"])["count"].tolist() == [11]
    assert len(results.aggregate("x")) == 12
    assert results.aggregate("x", over="fold", a="u")["count"].tolist() == [5]


def test_repetitions_are_one_row():
    results = in_memory([({"a": a, "mean": 0}, {"x": a}) for a in (1, 2)])
    twice = ResearchResults(fill(MemoryStore(), [({"a": a, "mean": 0}, {"x": a}) for a in (1, 2)], 3))
    frame = twice.aggregate("x", over="repetition")
    assert list(frame.columns) == ["a", "mean", "mean_", "std", "count", "sem"]
    assert frame["count"].tolist() == [3, 3] and frame["std"].tolist() == [0, 0]
    assert results.aggregate("x")["sem"].isna().all()


def test_sql_reads_and_does_nothing_else(iris, tmp_path):
    frame = iris.sql("select kernel, max(f1) as best from experiments where C >= :C group by 1", {"C": 1})
    assert frame.values.tolist() == [["linear", 0.82], ["poly", 0.82], ["rbf", 0.827]]
    assert (
        iris.sql("with few as (select * from experiments limit 3) select count(*) from few").iloc[0, 0] == 3
    )
    path = tmp_path / "other.db"
    for statement in (
        "delete from experiments",
        "drop table experiments",
        "update experiments set C = 1",
        "create table mine (a)",
        "insert into experiments (id) values (1)",
        f"attach database '{path}' as other",
        f"vacuum into '{path}'",
        "pragma writable_schema = 1",
        "select * from pragma_database_list",
        "select load_extension('x')",
        "begin",
    ):
        with pytest.raises(ValueError, match="has no answer"):
            iris.sql(statement)
    assert not path.exists()
    assert len(iris.select()) == 12


def test_sql_says_what_is_wrong(iris):
    with pytest.raises(ValueError, match="no such column: kernle; did you mean 'kernel'"):
        iris.sql("select kernle from experiments")
    with pytest.raises(ValueError, match="no such table: results; known: 'experiments'"):
        iris.sql("select * from results")
    with pytest.raises(ValueError, match="has no answer: You can only execute one statement"):
        iris.sql("select 1; select 2")
    with pytest.raises(ValueError, match="asks for nothing"):
        iris.sql("")
    with pytest.raises(TypeError, match="`query` must be a text, got 3"):
        iris.sql(3)
    with pytest.raises(ValueError, match="has no answer"):
        iris.sql("select ?")


def test_a_query_without_end_can_be_interrupted(iris):
    def interrupt(number, frame):
        raise KeyboardInterrupt

    earlier = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            iris.sql("with recursive n as (select 1 union all select 1 from n) select count(*) from n")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


def test_values_of_sql():
    values = [True, None, math.nan, 2**70, 2**63, -(2**63), "\0x", np.float32(0.5), (1, 2), math.inf, 10**400]
    results = in_memory([({"C": n, "c": -n}, {"x": value}) for n, value in enumerate(values)])
    frame = results.sql("select C, c_, x from experiments order by C")
    assert frame["c_"].tolist() == [-n for n in range(len(values))]
    x = frame["x"].tolist()
    assert x[0] == 1 and math.isnan(x[1]) and math.isnan(x[2])
    assert x[3:6] == [2.0**70, 2.0**63, -(2**63)]
    assert x[7] == 0.5 and x[8].startswith("<object of") and x[9] == math.inf


def test_objects_are_not_opened_to_ask_about_others():
    class Fatal:
        def __reduce__(self):
            return (pytest.fail, ("it was opened",))

    results = saved([Fatal()])
    stranger = ResearchResults(results.store)
    assert "not loaded" in str(stranger.select("x")["x"][0])
    assert len(results.select("id", where="x is not null and x != 3")) == 1
    assert stranger.describe()["types"].tolist() == ["object"]
    assert "<object of" in stranger.sql("select x from experiments")["x"][0]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE experiments SET config = 'no JSON'",
        "UPDATE experiments SET config = '[]'",
        "UPDATE experiments SET config = '{},{}'",
        "UPDATE experiments SET config = NULL",
        """UPDATE experiments SET aliases = '{"defaults"'""",
        "UPDATE latest SET type = 'strange'",
        "UPDATE latest SET type = 'numpy:<f8', text = 'no hex'",
        "UPDATE latest SET type = 'object'",
        """UPDATE experiments SET config = '{"a": {"$int": 5}}'""",
    ],
)
def test_damage_is_told(damage):
    write_study("study", {1: [0.5], 2: [1.5]})
    with closing(sqlite3.connect("study/research.db")) as database, database:
        try:
            database.execute(damage)
        except sqlite3.IntegrityError:
            return
    for ask in (ResearchResults.select, ResearchResults.describe, lambda results: results.best("x", by="a")):
        with pytest.raises(DamagedStudyError, match="study"):
            ask(ResearchResults("study"))


def test_a_study_of_its_own_is_asked_while_it_is_written():
    study = Research("mine", Domain(a=[1, 2])).add_callable(abs, args=[EC("a")], save_to="b")
    results = study.run(parallel=False, bar=False, create_id_prefix=True).results
    assert found(results, "b", where="a == 2") == [2]
    identity = results.select("id", a=2)["id"][0]
    assert identity == list(results.configs)[1]
    assert results.compare([identity, next(iter(results.configs))[-16:]]).loc["a"].tolist() == [2, 1]


def test_columns_made_of_others_and_paths_that_have_moved_are_asked_about():
    results = in_memory([({"a": n, "path": f"/old/{n}"}, {"x": n}) for n in range(3)])
    more = results.with_column("twice", lambda row: 2 * row["x"]).map_paths("/old", "/new")
    assert found(more, "path", "twice", where="twice > 1 and path != '/new/1'") == [("/new/2", 4)]
    assert more.best("twice", n=1)["a"].tolist() == [2]
