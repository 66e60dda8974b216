"""The closed loop: run, breed, run again; ended anywhere, and gone on with."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from research import ParameterStore, ResearchResults
from research.errors import GroupNotFoundError, StudyError
from tests.cli.shell import COMMAND, environment, said, shell, told
from tests.groups.programs import BOWL, BOWL_PARAMETERS, program, write

PATIENCE = 120  # seconds after which a test gives up on something that does not happen

FORECAST = """
    from pathlib import Path
    params = ParameterStore()
    part = params.smoothing
    with params.report() as results:
        values = [float(line) for line in Path(sys.argv[1]).read_text().split()]
        level, trend, season, errors = values[0], 0.0, [0.0] * params.season_int, []
        for number, value in enumerate(values):
            place = number % params.season_int
            errors.append(abs(value - (level + trend + season[place])))
            before = level
            level = part.level_real_0 * (value - season[place]) + (1 - part.level_real_0) * (level + trend)
            trend = part.trend_real_0 * (level - before) + (1 - part.trend_real_0) * trend
            season[place] = part.season_real_0 * (value - level) + (1 - part.season_real_0) * season[place]
        results.update(error={"mean": sum(errors) / len(errors), "worst": max(errors)})
"""
SMOOTHING = """\
    # a guess
    smoothing__level_real_0 = 0.5
    smoothing__trend_real_0 = 0.5
    smoothing__season_real_0 = 0.5
    season_int = 4
"""
SERIES = [f"series-{number}.txt" for number in range(5)]


def write_series():
    for number, name in enumerate(SERIES):
        values = [20 + 0.3 * number * day + 5 * ((day + number) % 7) for day in range(70)]
        write(name, "\n".join(map(str, values)))


def evolve(line, db, *more):
    options = ["--metric", "error/mean", "--mode", "min", "--aggregate", "mean", "--workers", 4, "--seed", 3]
    return [
        "params",
        "evolve",
        line,
        "--db",
        db,
        *options,
        "--generations",
        3,
        "--top",
        3,
        "--children",
        2,
        *more,
    ]


def n_ended(db):
    """Return how many runs of a closed loop have ended."""
    if not Path(db).exists():
        return 0
    with closing(sqlite3.connect(db, timeout=30)) as connection:
        query = "SELECT count(*) FROM experiments e JOIN studies s ON s.id = e.study WHERE s.name = 'evolve' "
        return connection.execute(f"{query} AND e.status = 'done'").fetchone()[0]


def kill(arguments, db, n_runs):
    """Kill a command when so many runs have ended."""
    process = psutil.Popen([*COMMAND, *map(str, arguments)], stderr=subprocess.DEVNULL, env=environment())
    deadline = time.monotonic() + PATIENCE
    while n_ended(db) < n_runs:
        assert process.poll() is None, "it ended too soon"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    started = process.children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    psutil.wait_procs(started, timeout=10)


def begin(db):
    """Load two files, and run a program by hand for the group and each series; return its command line."""
    line = f"{program(FORECAST)} {{data}}"
    id_ = said(
        "params", "load", write("base.js", SMOOTHING), write("b.js", "season_int = 5"), "--db", db
    ).strip()
    lines = said("params", "commands", line, *SERIES, "--db", db)
    assert len(lines.splitlines()) == 5
    subprocess.run(["sh", "-e", "-c", lines], check=True)
    shown = said("params", "top", "error/mean", "--mode", "min", "--aggregate", "mean", "--db", db)
    assert shown.splitlines()[1].split()[:2] == [id_, "(all)"]
    return line


HOW = {"mode": "min", "aggregate": "mean"}


@pytest.mark.slow
def test_load_override_run_look_evolve_kill_resume_and_plot():
    write_series()
    line = begin("prime.db")
    kill(evolve(line, "prime.db"), "prime.db", 12)
    assert 12 <= n_ended("prime.db") < 30
    done = shell(*evolve(line, "prime.db"))
    assert done.returncode == 0, done.stderr
    assert "after generation 3: best mean error/mean" in done.stdout
    assert n_ended("prime.db") == 30

    params = ParameterStore("prime.db")
    rows = params.history("error/mean", **HOW)
    assert [row.generation for row in rows] == [0, 1, 2, 3]
    assert [row.so_far for row in rows] == sorted((row.so_far for row in rows), reverse=True)
    assert rows[-1].so_far < rows[0].value
    options = ["--mode", "min", "--aggregate", "mean", "--db", "prime.db", "--plot", "best.png"]
    assert len(told("params", "history", "error/mean", *options).splitlines()) == 5
    assert Path("best.png").read_bytes().startswith(b"\x89PNG")

    table = params.results("evolve").to_df(remove_auxilary=False)
    assert sorted(set(table["updates"])) == [1, 2, 3]
    assert set(table["dataset"]) == set(SERIES)
    best = ResearchResults("evolve", storage="sqlite:///prime.db").best("error/mean", mode="min")
    assert best["error/mean"].iloc[0] == table["error/mean"].min()


@pytest.mark.slow
def test_a_loop_that_is_killed_again_and_again_is_the_same_as_one_that_is_not():
    write_series()
    line = begin("prime.db")
    shutil.copy("prime.db", "whole.db")
    said(*evolve(line, "whole.db", "-q"))
    for n_runs in (1, 9, 10, 19, 28):
        kill(evolve(line, "prime.db"), "prime.db", n_runs)
    said(*evolve(line, "prime.db", "-q"))
    params, whole = ParameterStore("prime.db"), ParameterStore("whole.db")
    assert params.top("error/mean", 99, **HOW) == whole.top("error/mean", 99, **HOW)
    assert sorted(params.ids) == sorted(whole.ids)
    assert params.history("error/mean", **HOW) == whole.history("error/mean", **HOW)


def evolved(code=BOWL, text=BOWL_PARAMETERS, **options):
    params = ParameterStore("prime.db")
    params.load(write("base.js", text))
    given = {"mode": "min", "aggregate": "mean", "bar": False, "workers": 2, "seed": 1, "children": 3}
    given |= {"data": ["a", "bbb"], "generations": 1, **options}
    return params, params.evolve(f"{program(code)} {{data}}", "bowl/loss", **given)


def test_runs_are_in_the_database_once_and_are_those_of_a_study():
    params, study = evolved(generations=2)
    table = study.results.to_df(remove_auxilary=False)
    assert study.monitor.counts == {"done": len(table)} == {"done": 2 + 2 * 3 * 2}
    assert table.groupby("updates").size().tolist() == [2, 6, 6]
    assert table["seen/data"].tolist() == table["dataset"].tolist()
    for group, x in table[["group", "x"]].itertuples(index=False):
        assert params.group(group).x == x
    with pytest.raises(
        FileNotFoundError, match=r"there is no study 'reports' in '.*prime\.db'; known: 'evolve'"
    ):
        params.results()
    families = [study.results.lineage(id_) for id_ in table["id"][table["updates"] == 1]]
    assert max(map(len, families)) == 2


def test_without_aggregate_children_are_run_for_the_data_set_for_which_they_were_bred():
    _, study = evolved(aggregate=None)
    table = study.results.to_df(remove_auxilary=False)
    assert table.groupby(["updates", "dataset"]).size().tolist() == [1, 1, 3, 3]


def test_what_was_reported_before_is_not_run_again():
    params = ParameterStore("prime.db")
    id_ = params.load(write("base.js", BOWL_PARAMETERS))
    line = f"{program(BOWL)} {{data}}"
    for command in params.commands(line, ["a", "bbb"]):
        subprocess.run(["sh", "-c", command], check=True)
    study = params.evolve(line, "bowl/loss", 1, mode="min", aggregate="worst", children=3, bar=False, seed=1)
    table = study.results.to_df(remove_auxilary=False)
    assert table["updates"].tolist() == [1] * 6
    entries = {entry.id: entry for entry in params.database.groups()}
    assert {id_ for group in table["group"] for id_ in entries[group].parent_ids} == {id_}


def test_more_generations_are_bred_when_they_are_asked_for():
    params, _ = evolved(generations=1)
    again = evolved(generations=2, seed=None)[1]
    assert again.results.to_df(remove_auxilary=False)["updates"].max() == 2
    before = again.results.df
    same = params.evolve(f"{program(BOWL)} {{data}}", "bowl/loss", 2, bar=False)
    assert same.results.df.equals(before)


def test_children_that_fail_are_recorded_and_survived():
    code = """
        params = ParameterStore()
        with params.report() as results:
            if params.x > 20:
                raise RuntimeError("x is too large")
            results["bowl"] = {"loss": params.x}
    """
    params, study = evolved(code, "x = 19\n", children=8)
    counts = study.monitor.counts
    assert counts["failed"] > 0
    assert counts["done"] + counts["failed"] == 2 + 8 * 2
    assert any("x is too large" in str(item["exception"]) for item in study.monitor.exceptions[0:1])
    assert max(score.value for score in params.top("bowl/loss", 99, aggregate="mean")) <= 20


def test_a_loop_in_which_everything_fails_says_why():
    with pytest.raises(StudyError, match=r"(?s)has reported 'bowl/loss'; one has failed: .*division by"):
        evolved("ParameterStore().x / 0\n")


def test_programs_inherit_the_environment_and_may_print_their_results(monkeypatch):
    monkeypatch.setenv("LOSS", "7")
    code = """
        import json, os
        params = ParameterStore()
        print(json.dumps({"bowl/loss": int(os.environ["LOSS"]) + params.x, "db": os.environ["RESEARCH_DB"]}))
    """
    _, study = evolved(code, generations=1)
    table = study.results.df
    assert table["bowl/loss"].tolist() == (7 + table["x"]).tolist()
    assert set(table["db"]) == {str(Path("prime.db").absolute())}


def test_a_run_of_another_data_set_is_a_report_of_its_own():
    code = (
        BOWL
        + """
    with params.report("beside") as results:
        results["y"] = 1
    """
    )
    params, study = evolved(code, generations=1)
    assert set(study.results.df["dataset"]) == {"a", "bbb"}
    assert len(params.results().df) == len(study.results.df)
    assert set(params.results().df["dataset"]) == {"beside"}


def test_nothing_to_begin_with_is_told():
    params = ParameterStore("prime.db")
    with pytest.raises(GroupNotFoundError, match=r"there is no database 'prime\.db'"):
        params.evolve("prog {data}", "loss", data=["a"])
    params.load(write("base.js", "x = 1"))
    with pytest.raises(
        StudyError, match=r"'prime\.db' has no run that names a data set: say which there are"
    ):
        params.evolve("prog {data}", "loss")


def test_the_command_line_forever_until_it_is_interrupted():
    params = ParameterStore("prime.db")
    params.load(write("base.js", BOWL_PARAMETERS))
    arguments = ["params", "evolve", f"{program(BOWL)} {{data}}", "--metric", "bowl/loss", "--mode", "min"]
    arguments += ["--db", "prime.db", "--data", "a", "--children", "2", "--forever", "-w", "2"]
    process = subprocess.Popen([*COMMAND, *arguments], env=environment(), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    while n_ended("prime.db") < 6:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "stopped" in errors


def test_commands_show_and_differ_and_load_again():
    base = write("base.js", SMOOTHING)
    one = said("params", "load", base, RESEARCH_DB="prime.db").strip()
    two = told("params", "load", base, write("b.js", "season_int = 7"), "--db", "prime.db").strip()
    shown = told("params", "show", one[:8], "--db", "prime.db")
    assert shown.startswith(f"# {one}: generation 0, by ")
    assert told("params", "load", write("again.js", shown), "--db", "prime.db").strip() == one
    assert shell("params", "diff", one, two, "--db", "prime.db").stdout.split()[-3:] == [
        "season_int",
        "4",
        "7",
    ]
    listed = told("params", "show", "--db", "prime.db").splitlines()
    assert [line.split()[0] for line in listed] == ["group", one, two]
    assert "there is no group" in told("params", "show", "ffff", "--db", "prime.db", status=4)
    assert "cannot be read" in told("params", "load", "nix.js", "--db", "prime.db", status=2)
