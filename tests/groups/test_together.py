"""Programs that report at the same moment, and databases of several machines."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from research import ParameterStore
from research.errors import StudyError
from tests.groups.programs import BOWL, BOWL_PARAMETERS, program, write

N_TIMES = 500

OFTEN = f"""
    params = ParameterStore("prime.db", data=sys.argv[1])
    for number in range({N_TIMES}):
        with params.report() as results:
            results["number"] = number
"""


def report(db, dataset, loss, *files):
    """Load a group and report of it once; return its id."""
    params = ParameterStore(db)
    id_ = params.load(*files)
    with ParameterStore(db, group=id_).report(dataset) as results:
        results["loss"] = loss
    return id_


def values(db):
    return sorted(
        ParameterStore(db).results().to_df()[["group", "dataset", "loss"]].itertuples(index=False, name=None)
    )


def test_two_programs_report_at_the_same_moment_and_nothing_is_lost():
    params = ParameterStore("prime.db")
    params.load(write("base.js", "x = 1"))
    line = program(OFTEN).split()
    running = [subprocess.Popen([*line, name]) for name in ("ice", "sea")]
    assert [process.wait(120) for process in running] == [0, 0]
    table = params.results().df
    assert len(table) == len(set(table["id"])) == 2 * N_TIMES
    for name in ("ice", "sea"):
        assert sorted(table["number"][table["dataset"] == name]) == list(range(N_TIMES))


def test_programs_that_make_the_database_at_the_same_moment():
    write("base.js", "x = 1")
    line = program("ParameterStore('new.db').load('base.js')").split()
    running = [subprocess.Popen(line) for _ in range(6)]
    assert [process.wait(60) for process in running] == [0] * 6
    assert len(ParameterStore("new.db").ids) == 1


def test_databases_of_two_machines_are_joined_without_a_clash_of_ids():
    base, more = write("base.js", "x = 1"), write("more.js", "x = 2")
    first = report("one.db", "ice", 1, base)
    assert report("two.db", "ice", 2, base) == first
    second = report("two.db", "sea", 3, more)
    merged = ParameterStore("one.db").merge("two.db")
    assert merged == (1, 2)
    assert values("one.db") == sorted([(first, "ice", 1), (first, "ice", 2), (second, "sea", 3)])
    assert sorted(ParameterStore("one.db").ids) == sorted([first, second])
    assert len(ParameterStore("one.db").results().runs) == 3
    assert ParameterStore("one.db").merge("two.db") == (0, 0)
    third = report("one.db", "sea", 4, write("third.js", "x = 3"))
    assert (third, "sea", 4) in values("one.db")


def test_the_order_of_merging_makes_no_difference():
    report("one.db", "ice", 1, write("base.js", "x = 1"))
    report("two.db", "sea", 3, write("more.js", "x = 2"))
    ParameterStore("all.db").merge("one.db", "two.db")
    ParameterStore("other.db").merge("two.db", "one.db")
    assert values("all.db") == values("other.db")


def test_closed_loops_are_joined_as_well():
    params = ParameterStore("one.db")
    params.load(write("base.js", BOWL_PARAMETERS))
    line = f"{program(BOWL)} {{data}}"
    options = {
        "mode": "min",
        "data": ["a", "bb"],
        "aggregate": "mean",
        "bar": False,
        "children": 2,
        "workers": 2,
    }
    params.evolve(line, "bowl/loss", generations=1, seed=1, **options)
    shutil.copy("one.db", "two.db")
    shutil.copytree("one.evolve", "two.evolve")
    params.evolve(line, "bowl/loss", generations=2, **options)
    other = ParameterStore("two.db")
    assert other.merge("one.db").runs == 4
    best = params.top("bowl/loss", mode="min", aggregate="mean")
    assert other.top("bowl/loss", mode="min", aggregate="mean") == best
    again = other.evolve(line, "bowl/loss", generations=2, **options).results.to_df(remove_auxilary=False)
    assert sorted(set(again["updates"])) == [0, 1, 2]
    fresh = ParameterStore("new.db")
    assert fresh.merge("one.db", "two.db").groups == len(fresh.ids)
    assert len(fresh.results().runs) == len(fresh.results().df)
    third = fresh.evolve(line, "bowl/loss", generations=1, **options).results.to_df(remove_auxilary=False)
    assert set(third["updates"]) == {1}  # all that was known counts


def test_what_cannot_be_stored_is_told():
    params = ParameterStore("prime.db", data="ice")
    params.load(write("base.js", "x = 1"))
    with (
        pytest.raises(StudyError, match=r"'prime\.db' cannot be written") as caught,
        params.report() as results,
    ):
        results["loss"] = 0.25
        shutil.rmtree("prime.db", ignore_errors=True)
        for path in Path().glob("prime.db*"):
            path.unlink()
        Path("prime.db").mkdir()
    assert caught.value.__notes__ == ['what could not be stored: {"loss": 0.25}']


def test_a_database_is_not_merged_into_itself():
    report("one.db", "ice", 1, write("base.js", "x = 1"))
    with pytest.raises(StudyError, match=r"'one\.db' cannot be merged into itself"):
        ParameterStore("one.db").merge("one.db")
