"""What the command tells of a study, as a process; the study is made once."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess

import pytest

from research import ResearchResults
from tests.cli.shell import COMMAND, FIT, environment, said, told, words, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("reading")
    before = os.getcwd()
    os.chdir(path)
    try:
        write("digits.py", FIT)
        said("run", "digits.py", "--no-parallel", "--name", "digits", "--seed", "1", status=1)
    finally:
        os.chdir(before)
    return path


@pytest.fixture(autouse=True)
def in_folder(folder, in_tmp_path, monkeypatch):
    monkeypatch.chdir(folder)


def ids():
    return ResearchResults("digits").statuses_to_df()["id"].tolist()


def test_ls_lists_progress_and_failures():
    head, row = words(said("ls"))
    assert head == ["name", "status", "progress", "failed", "changed"]
    assert row[:4] == ["digits", "done", "4/4", "1"]
    (row,) = json.loads(told("ls", ".", "--json"))
    assert row["counts"] == {"done": 3, "failed": 1}
    assert json.loads(told("ls", "--status", "running", "--json")) == []


def test_show_tells_progress_failures_and_ranges():
    text = said("show", "digits")
    assert "4/4: 3 done, 1 failed" in text
    assert f"{ids()[2]}: ValueError: too narrow" in text
    assert words(text)[-1] == ["accuracy", "3", "0.1", "2"]
    assert "\x1b" not in text  # it is no terminal


def test_the_best_come_first():
    best = words(told("show", "digits", "--best", "accuracy", "--limit", "1"))
    assert best[1] == [ids()[3], "2", "C=10,", "gamma=0.2"]
    least = words(told("show", "digits", "--best", "accuracy", "--min", "--limit", "1"))
    assert least[1] == [ids()[0], "0.1", "C=1,", "gamma=0.1"]


def test_the_plan_says_what_is_left():
    assert "3 done, 1 failed; 0 would be run" in told("show", "digits", "--plan")
    text = said("resume", "digits", "--dry-run", "--retry-failed")
    assert "4 experiments: 3 done, 1 failed; 1 would be run" in text


def test_results_are_a_table_with_what_failed():
    rows = words(told("results", "digits"))
    assert rows[0] == ["id", "C", "gamma", "status", "accuracy"]
    assert [row[1:] for row in rows[1:]] == [
        ["1", "0.1", "done", "0.1"],
        ["1", "0.2", "done", "0.2"],
        ["10", "0.1", "failed"],
        ["10", "0.2", "done", "2"],
    ]


def test_results_are_chosen_from_and_written_in_other_formats(tmp_path):
    chosen = ("--where", "gamma>0.1", "--order-by", "-accuracy", "--select", "C,accuracy")
    text = said("results", "digits", *chosen, "--format", "csv")
    assert list(csv.reader(io.StringIO(text))) == [["C", "accuracy"], ["10", "2.0"], ["1", "0.2"]]
    assert told("results", "digits", *chosen, "--output", tmp_path / "file.json") == ""
    assert json.loads((tmp_path / "file.json").read_text()) == [
        {"C": 10, "accuracy": 2.0},
        {"C": 1, "accuracy": 0.2},
    ]


def test_the_best_are_printed():
    found = words(
        told("results", "digits", "--best", "accuracy", "-n", "1", "--by", "C", "--select", "C,accuracy")
    )
    assert found == [["C", "accuracy"], ["10", "2"], ["1", "0.2"]]
    (row,) = json.loads(
        told("results", "digits", "--best", "accuracy", "--mode", "min", "-n1", "--format", "json")
    )
    assert row == {"id": ids()[0], "C": 1, "gamma": 0.1, "accuracy": 0.1}


def test_files_are_those_of_the_library(tmp_path):
    results = ResearchResults("digits")
    for kind, suffix in (("csv", "csv"), ("json", "json"), ("sqlite", "db")):
        told("results", "digits", "--iterations", "--output", tmp_path / f"one.{suffix}")
        getattr(results, f"to_{kind}")(tmp_path / f"two.{suffix}")
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()
    told("results", "digits", "--iterations", "-O", tmp_path / "one.jsonl")
    assert len((tmp_path / "one.jsonl").read_text().splitlines()) == 3


def test_what_is_chosen_is_written_with_its_types(tmp_path):
    given = ("results", "digits", "--where", "C=10", "--select", "C,gamma,status,accuracy")
    rows = [(10, 0.1, "failed", None), (10, 0.2, "done", 2.0)]
    told(*given, "-O", tmp_path / "file.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "file.db")) as database:
        assert database.execute("SELECT * FROM results").fetchall() == rows
    lines = told(*given, "--format", "jsonl").splitlines()
    assert [tuple(json.loads(line).values()) for line in lines] == rows
    told(*given, "-O", tmp_path / "file.csv")
    assert (tmp_path / "file.csv").read_text() == "C,gamma,status,accuracy\n10,0.1,failed,\n10,0.2,done,2.0\n"


def test_results_of_other_programs_become_a_study(tmp_path):
    for n in range(3):
        write(tmp_path / "old" / str(n) / "conf.json", json.dumps({"C": n, "f1": n / 4, "more": {"x": n}}))
    given = ("import", tmp_path / "old", "--files", "*.json", "--into", tmp_path / "new")
    chosen = ("--parameters", "C,more/x", "--keep", "C,f1", "--keep", "more")
    assert told(*given, *chosen) == f"{tmp_path / 'new'}: 3 done\n"
    expected = ResearchResults.from_files(tmp_path / "old", parameters=["C", "more/x"]).df
    assert ResearchResults(tmp_path / "new").df.equals(expected)
    write(tmp_path / "old" / "3" / "conf.json", json.dumps({"C": 3}))
    assert told(*given) == f"{tmp_path / 'new'}: 4 done\n"


def test_parquet_is_an_extra(tmp_path):
    given = ("results", "digits", "--select", "C,status", "--output", tmp_path / "file.parquet")
    try:
        import pyarrow.parquet
    except ImportError:
        assert "domain-research[parquet]" in told(*given, status=2)
    else:
        told(*given)
        table = pyarrow.parquet.read_table(tmp_path / "file.parquet")
        assert table["C"].to_pylist() == [1, 1, 10, 10]


def test_a_file_of_a_format_that_is_not_written_is_refused(tmp_path):
    problem = told("results", "digits", "--output", tmp_path / "table.xlsx", status=2)
    assert "'xlsx' is no format; known: 'csv'" in problem
    assert not any(tmp_path.iterdir())
    told("results", "digits", "--format", "csv", "--output", tmp_path / "table.xlsx")
    assert (tmp_path / "table.xlsx").read_text().startswith("id,")


def test_a_table_is_as_wide_as_the_terminal():
    assert max(map(len, told("failures", "digits").splitlines())) > 60
    reader, writer = os.openpty()
    subprocess.run(
        [*COMMAND, "failures", "digits"],
        stdout=writer,
        env=environment(COLUMNS="60", NO_COLOR="1"),
        check=True,
    )
    text = os.read(reader, 10_000).decode()
    os.close(reader)
    os.close(writer)
    assert max(map(len, text.splitlines())) <= 60
    assert "…" in text


def test_log_prints_what_an_experiment_printed():
    assert said("log", "digits", ids()[3][:6]) == "fitting 10\n"
    assert told("log", "digits", ids()[0], "--stderr") == ""
    assert "seed 1, 4 configs" in told("log", "digits")


def test_failures_tell_why_and_where():
    rows = words(said("failures", "digits"))
    why = ["ValueError:", "too", "narrow"]
    assert rows[0] == ["id", "status", "unit", "iteration", "config", "error"]
    assert rows[1:] == [[ids()[2], "failed", "fit", "0", "C=10,", "gamma=0.1", *why]]
    text = told("failures", "digits", "--traceback")
    assert 'digits.py", line 7, in fit' in text


def test_check_finds_damage():
    assert "3 done, 1 failed: sound" in said("check", "digits")
    shutil.copytree("digits", "damaged")
    path = "damaged/research.db"
    size = os.path.getsize(path)
    os.truncate(path, size // 2)
    try:
        told("check", "damaged", status=1)
        assert ["damaged", "damaged"] in words(told("ls"))
        assert "cannot be read" in told("show", "damaged", status=3)
    finally:
        shutil.rmtree("damaged")


def test_a_snapshot_is_a_study():
    name = said("snapshot", "digits").strip()
    try:
        assert name.startswith("digits-2")
        assert told("results", name, "--format", "csv") == told("results", "digits", "--format", "csv")
    finally:
        shutil.rmtree(name)


def test_stopping_what_does_not_run_is_no_error():
    assert "no process is running it" in said("stop", "digits")


@pytest.mark.parametrize("arguments", [["results", "digits", "--format", "csv"], ["--help"]], ids=str)
def test_a_broken_pipe_is_no_error(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, *arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no file here that is always full")
@pytest.mark.parametrize("arguments", [["--version"], ["results", "--help"], ["results", "digits"]], ids=str)
def test_what_cannot_be_printed_is_told_in_a_line(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
            text=True,
        )
    assert (done.returncode, done.stderr) == (3, "Error: OSError: [Errno 28] No space left on device\n")


def test_a_shell_completes_commands_studies_and_columns():
    assert "_RESEARCH_COMPLETE=bash_complete" in said("completion", "bash")

    def completed(line, place):
        variables = {"COMP_WORDS": line, "COMP_CWORD": str(place), "_RESEARCH_COMPLETE": "bash_complete"}
        return [item.partition(",")[2] for item in said(**variables).split()]

    assert completed("research res", 1) == ["results", "resume"]
    assert completed("research show ", 2) == ["digits"]
    assert completed("research log digits ", 3) == ids()
    assert completed("research results digits --order-by C,a", 4) == ["C,accuracy"]
