"""Parameters as programs read them, and reports of what came of them."""

from __future__ import annotations

import json
import pickle
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from research import ParameterStore, ResearchResults
from research.errors import GroupNotFoundError, StudyError, UnknownParameterError
from research.groups.group import Group
from tests.groups.programs import ROOT, SEVEN, program, write


@pytest.fixture
def params():
    store = ParameterStore("prime.db", data="ice")
    store.load(write("base.js", SEVEN))
    return store


def test_nested_readers_are_handed_on_and_see_nothing_beside(params):
    d15 = getattr(params, f"seconds_{15}")
    assert (d15.stop_threshold.fast, d15["stop_threshold.slow"]) == (12.3, 7.2)
    assert list(d15) == ["stop_threshold"]
    assert "overall" not in d15
    with pytest.raises(UnknownParameterError, match=r"there is no parameter 'seconds_15\.overall'"):
        d15.overall
    assert pickle.loads(pickle.dumps(d15)).stop_threshold.fast == 12.3


def test_case_is_ignored_where_that_is_unambiguous():
    group = Group({"A/x": 1, "a/x": 2, "b/High": 3}, "this group")
    assert (group.A.x, group.a.x, group.B.high, group.b.High) == (1, 2, 3, 3)
    assert list(group.b) == ["High"]
    one = Group({"Ab/x": 1, "aB/x": 2}, "this group")
    with pytest.raises(
        UnknownParameterError, match=r"'ab' may be 'Ab' and 'aB' in this group: write it as it is"
    ):
        one.ab


@pytest.mark.parametrize(
    "name", ["seconds_51", "overall.decay_rat_int", "fast", "FAST", "seconds_15.stop_threshold.fast.x"]
)
def test_a_name_that_is_not_there_is_an_error_and_never_none(params, name):
    with pytest.raises(KeyError, match=r"^there is no parameter '.*' in the group [0-9a-f]{16}; "):
        params[name]
    with pytest.raises(AttributeError, match=r"there is no parameter"):
        getattr(params, name)


def test_near_matches_are_named(params):
    with pytest.raises(AttributeError, match=r"did you mean 'overall\.decay_rate_int'"):
        params.overall.decay_rte_int


def test_groups_are_named_by_the_beginning_of_their_ids(params):
    id_ = params.id
    assert params.group(id_[:6]).overall.decay_rate_int == 5
    other = f"{'0' if id_[0] != '0' else '1'}{id_[1:]}"
    with pytest.raises(
        GroupNotFoundError, match=rf"there is no group '{other}' in 'prime\.db'; did you mean '{id_}'"
    ):
        ParameterStore("prime.db", group=other).overall
    params.load("base.js", write("more.js", "overall__decay_rate_int = 6"))
    with pytest.raises(
        GroupNotFoundError, match=r"holds 2 groups: say which is meant, by `group`, or RESEARCH_GROUP"
    ):
        ParameterStore("prime.db").overall


def test_a_database_that_is_not_there_and_one_that_is_none():
    with pytest.raises(GroupNotFoundError, match=r"there is no database 'nix\.db': load parameters into it"):
        ParameterStore("nix.db").x
    with pytest.raises(ValueError, match=r"no database is said: give `db`, or set RESEARCH_DB"):
        ParameterStore()
    write("text.db", "this is no database, and long enough to be seen as none by whoever reads it")
    with pytest.raises(ValueError, match=r"'text\.db' cannot be read"):
        ParameterStore("text.db").x


@pytest.mark.parametrize(
    "names",
    [
        ("RESEARCH_DB", "RESEARCH_GROUP", "RESEARCH_DATA"),
        ("GF_DB", "GF_PARAM_GROUP", "GF_DATA"),
        ("GF_DB", "GF_PARAM_GROUP", "GF_FAMILY"),
    ],
)
def test_the_environment_names_database_group_and_data_set(params, monkeypatch, names):
    second = params.load("base.js", write("more.js", "overall__decay_rate_int = 6"))
    for name, value in zip(names, ("prime.db", second, "sea"), strict=True):
        monkeypatch.setenv(name, value)
    own = ParameterStore()
    assert own.overall.decay_rate_int == 6
    with own.report() as results:
        results["y"] = 1
    assert own.results().df[["group", "dataset", "y"]].to_numpy().tolist() == [[second, "sea", 1]]


def test_a_report_of_four_groups_of_results_gives_its_five_values(params):
    with params.report("RESULT GROUP A") as results:
        results.update(got={"count": 3}, failed={"widgets": 9}, progress={"success": 99, "terminiated": 1})
        results["other"] = {"Great": 4}
    table = ResearchResults("reports", storage="sqlite:///prime.db").to_df(pivot=False)
    assert dict(zip(table["name"], table["value"], strict=True)) == {
        "got/count": 3,
        "failed/widgets": 9,
        "progress/success": 99,
        "progress/terminiated": 1,
        "other/Great": 4,
    }
    assert set(table["dataset"]) == {"RESULT GROUP A"}
    assert set(table["overall/decay_rate_int"]) == {5}


def test_values_come_back_as_they_went_in(params):
    given = {"a": 1, "b": 1.5, "c": True, "d": None, "e": "text", "f": float("nan"), "g": 2**70}
    with params.report() as results:
        results.update(all=given, numpy=np.float64(2.5), array=np.array([3]))
    (saved,) = params.results().results.values()
    back = {name.removeprefix("all/"): values[0] for name, values in saved.items()}
    assert back.pop("f") != given.pop("f")
    assert back == {**given, "numpy": 2.5, "array": 3}
    assert type(back["c"]) is bool


def test_start_end_host_user_and_versions_are_kept(params):
    with params.report() as results:
        results["y"] = 1
    (run,) = params.results().runs.to_dict("records")
    assert run["user"]
    assert run["host"]
    assert run["version"]
    assert run["note"] == f"Python {sys.version.split()[0]}"
    with sqlite3.connect("prime.db") as connection:
        started, finished, status = connection.execute(
            "SELECT started, finished, status FROM experiments"
        ).fetchone()
    connection.close()
    assert 0 < started <= finished
    assert status == "done"


def test_an_exception_stores_a_failed_run_with_its_traceback(params):
    with pytest.raises(ZeroDivisionError), params.report() as results:
        results["y"] = 1
        1 / 0
    with sqlite3.connect("prime.db") as connection:
        status, error, failures = connection.execute(
            "SELECT status, error, failures FROM experiments"
        ).fetchone()
    connection.close()
    assert (status, error) == ("failed", "report: ZeroDivisionError: division by zero")
    assert "1 / 0" in json.loads(failures)[0]["traceback"]
    with pytest.raises(StudyError, match=r"no run in 'prime\.db' has reported 'y'"):
        params.top("y")


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (
            {"y": [1, 2]},
            r"the result 'y' must be a number, a text, a bool or None, or a dict of them, got list",
        ),
        (
            {"overall": {"decay_rate_int": 1}},
            r"the result 'overall/decay_rate_int' is there and is a parameter",
        ),
        ({"a": {"b": 1}, "a/b": 2}, r"the result 'a/b' is there twice"),
        ({"dataset": "x"}, r"the result 'dataset' is there and is"),
    ],
)
def test_what_cannot_be_a_result_is_told_and_the_run_has_failed(params, given, match):
    with pytest.raises((TypeError, ValueError), match=match), params.report() as results:
        results.update(given)
    assert params.results().statuses_to_df()["status"].tolist() == ["failed"]


def test_no_data_set_is_an_error(params):
    with pytest.raises(
        ValueError, match=r"no data set is said, got None: give `dataset`, or set RESEARCH_DATA"
    ):
        ParameterStore("prime.db").report()


def test_a_program_that_reads_and_reports_loads_no_library(params):
    line = program(
        """
        params = ParameterStore("prime.db", data="ice")
        with params.report() as results:
            results["y"] = params.seconds_15.stop_threshold.fast
        heavy = {"numpy", "pandas", "sqlalchemy", "scipy", "dill", "click", "research.domain", "samplers"}
        print(sorted(heavy & set(sys.modules)))
        """
    )
    done = subprocess.run(line.split(), capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert params.top("y")[0].value == 12.3


def test_the_name_is_there_from_the_package():
    where = f"import sys; sys.path.insert(0, {str(ROOT)!r})"
    code = f"{where}; import research.groups.store; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"
