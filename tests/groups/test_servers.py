"""Groups in PostgreSQL: the same as in a file."""

from __future__ import annotations

import subprocess

import pytest

from research import ParameterStore
from research.errors import GroupNotFoundError, StudyError
from tests.groups.programs import BOWL, BOWL_PARAMETERS, SEVEN, program, write


def test_groups_reports_and_the_best_of_them(database):
    params = ParameterStore(database)
    with pytest.raises(GroupNotFoundError, match=r"holds no groups"):
        params.x
    id_ = params.load(write("base.js", SEVEN))
    assert params.seconds_15.stop_threshold.fast == 12.3
    with params.report("ice") as results:
        results.update(got={"count": 3}, other={"Great": "yes", "Flag": True})
    with pytest.raises(ZeroDivisionError), params.report("sea"):
        1 / 0
    assert [(score.group, score.value) for score in params.top("got/count")] == [(id_, 3)]
    with pytest.raises(StudyError, match=r"has reported 'got/cuont'; did you mean 'got/count'"):
        params.top("got/cuont")
    table = params.results().to_df()
    assert table[["dataset", "got/count", "other/Great", "other/Flag"]].to_numpy().tolist()[0] == [
        "ice",
        3,
        "yes",
        1,
    ]
    assert params.results().statuses_to_df()["status"].tolist() == ["done", "failed"]
    assert len(params.results().runs) == 2


def test_programs_report_at_the_same_moment(database):
    ParameterStore(database).load(write("base.js", "x = 1"))
    line = program(
        """
        params = ParameterStore(data=sys.argv[1])
        for number in range(40):
            with params.report() as results:
                results["number"] = number
        """
    )
    running = [
        subprocess.Popen(["env", f"RESEARCH_DB={database}", *line.split(), name]) for name in ("ice", "sea")
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    table = ParameterStore(database).results().df
    assert len(table) == 80
    assert sorted(table["number"]) == sorted([*range(40), *range(40)])


def test_the_closed_loop_and_a_copy_in_a_file(database):
    params = ParameterStore(database)
    params.load(write("base.js", BOWL_PARAMETERS))
    options = {
        "mode": "min",
        "aggregate": "mean",
        "data": ["a", "bb"],
        "bar": False,
        "children": 3,
        "seed": 1,
    }
    line = f"{program(BOWL)} {{data}}"
    study = params.evolve(line, "bowl/loss", generations=1, **options)
    assert study.monitor.counts == {"done": 8}
    in_file = ParameterStore("prime.db")
    in_file.load("base.js")
    in_file.evolve(line, "bowl/loss", generations=1, name="here", **options)
    best = params.top("bowl/loss", 9, mode="min", aggregate="mean")
    assert in_file.top("bowl/loss", 9, mode="min", aggregate="mean") == best
    copy = ParameterStore("copy.db")
    assert copy.merge(database) == (4, 8)
    assert copy.top("bowl/loss", 9, mode="min", aggregate="mean") == best
    assert ParameterStore(database).merge("prime.db") == (0, 0)  # the same experiments
    in_file.load(write("more.js", "x = 5\nn_int = 3"))
    with ParameterStore("prime.db", group=in_file.ids[1]).report("a") as results:
        results["bowl"] = {"loss": 0.5}
    assert ParameterStore(database).merge("prime.db") == (1, 1)


def test_no_password_is_kept_in_a_study(database, monkeypatch):
    import pickle

    from research.groups.evolving import Breeding, Recipe
    from research.groups.opening import open_database

    url = database.replace("postgres@", "postgres:sEcReT@")
    kept = pickle.dumps(Breeding(open_database(url), Recipe("y"), 1))
    assert b"sEcReT" not in kept
    assert "sEcReT" not in repr(ParameterStore(url))
