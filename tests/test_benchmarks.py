"""Benchmarks work, at a size that says nothing about speed, so that they do at the sizes that do."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import textwrap
import time
from importlib import import_module
from pathlib import Path

import psutil
import pytest

from benchmarks import harness
from benchmarks.__main__ import QUESTIONS
from benchmarks.question import FULL, QUICK, TINY, Case, Contender

ROOT = Path(__file__).parent.parent
QUESTION = """
    import os, subprocess, sys, time
    from pathlib import Path
    from benchmarks.question import Case, Contender, check, main

    NOTES = Path({folder!r}, "notes")

    def noted(count, costs):
        earlier = NOTES.read_text().split() if NOTES.exists() else []
        name = sys._getframe(1).f_code.co_name
        NOTES.write_text(" ".join([*earlier, name]))
        return costs[earlier.count(name) - 1] if count > 1 else 0  # the first is to see that it works

    def ours(count):
        return noted(count, [2, 90, 4])

    def peer(count):
        return noted(count, [8, 1, 100])

    def not_installed(count):
        import no_such_peer

    def wrong(count):
        check(count == 0, "not the same work")

    def silent(count):
        pass

    def killed(count):
        os.kill(os.getpid(), 9)

    def where(count):
        assert not os.listdir(), os.listdir()
        Path("left").touch()
        return float(count)

    def make(count):
        Path("made").write_text(str(count))

    def prepared(count):
        return float(Path("made").read_text()) / count

    def endless(count):
        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        Path({folder!r}, "pids").write_text(f"{{os.getpid()}} {{child.pid}}")
        time.sleep(1000)

    def leaving(count):
        Path({folder!r}, "pids").write_text(str(subprocess.Popen(["sleep", "1000"]).pid))
        return 1.0

    CASES = (Case("work", "unit", (4, 2, 1), [
        Contender("ours", ours), Contender("peer", peer, needs="peer", at_least=1.5),
    ]),)

    if __name__ == "__main__":
        main([*CASES, Case("others", "unit", (1, 1, 1), [
            Contender("", function) for function in
            (not_installed, wrong, silent, killed, where, endless, leaving)
        ] + [Contender("", prepared, prepare=make)])])
"""


@pytest.fixture
def question(tmp_path, monkeypatch):
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "asked.py").write_text(textwrap.dedent(QUESTION).format(folder=str(folder)))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def case(*functions, **arguments):
    """Make a case of functions in the module, of which only names are used here."""
    contenders = [Contender(name, type(name, (), {}), **arguments) for name in functions]
    return Case("some work", "unit", (4, 2, 1), contenders)


def is_gone(pid):
    for _ in range(600):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


def ask(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in ("pruned", "searching") else ())
        for name in QUESTIONS
    ],
)
def test_what_needs_no_peer_works(name, tmp_path):
    contenders = [
        (contender, (contender.counts or case.counts)[TINY])
        for case in import_module(f"benchmarks.{name}").CASES
        for contender in case.contenders
        if contender.needs is None
    ]
    assert contenders
    for number, (contender, count) in enumerate(contenders):
        folder = tmp_path / str(number)
        folder.mkdir()
        with contextlib.chdir(folder):
            if contender.prepare is not None:
                contender.prepare(count)
            assert isinstance(contender.run(count), float | int), contender.title


def test_a_question_can_be_asked_where_no_peer_is_installed(tmp_path):
    done = ask(
        *("--only", "short", "--tiny", "--no-peers", "--rounds", "2", "--json", str(tmp_path / "out.json"))
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["machine"]["cores"] >= 1 and written["machine"]["versions"]["numpy"]
    rows = {row["contender"]: row for row in written["results"]}
    assert {row["question"] for row in rows.values()} == {"short_experiments"}
    assert all(title in done.stdout for title in rows)
    ours, joblib = rows["research"], rows["joblib, fresh"]
    assert len(ours["costs"]) == 2 and ours["why_not"] is None
    assert (joblib["costs"], joblib["why_not"]) == ([], "was not asked")


def test_contenders_take_turns_and_medians_are_compared(question):
    answer = harness.measure("asked", case("ours", "peer"), FULL, 3)
    ours, peer = answer.figures
    assert (ours.costs, peer.costs) == ([2, 90, 4], [8, 1, 100])
    assert (ours.each, peer.each) == (1e6, 2e6)
    assert (answer.ratio(ours), answer.ratio(peer)) == (None, 2)
    turns = (question / "notes").read_text().split()
    assert turns == ["ours", "peer"] * 2 + ["peer", "ours"] + ["ours", "peer"]  # once to see that they work


@pytest.mark.parametrize(
    ("arguments", "size", "is_met"),
    [
        ({"at_least": 1.9}, FULL, True),
        ({"at_least": 2.1}, FULL, False),
        ({"at_most": 1.9e6}, FULL, False),
        ({"at_most": 2.1e6}, FULL, True),
        ({"at_least": 1.9}, QUICK, None),
        ({}, FULL, None),
    ],
)
def test_aims_are_those_of_the_full_size(arguments, size, is_met):
    ours, peer = Contender("ours", print), Contender("peer", print, **arguments)
    figures = [harness.Figure(ours, 1, "seconds", [1.0]), harness.Figure(peer, 1, "seconds", [2.0])]
    answer = harness.Answer("asked", Case("", "", (1, 1, 1), [ours, peer]), size, figures)
    assert answer.is_met(figures[1]) is is_met


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("not_installed", r"ModuleNotFoundError: No module named 'no_such_peer'"),
        ("wrong", r"wrong result: not the same work"),
        ("silent", r"silent returned nothing"),
        ("killed", r"ended by signal 9"),
    ],
)
def test_who_does_not_work_is_named_with_the_reason_and_others_go_on(question, name, reason):
    answer = harness.measure("asked", case("ours", name, "peer"), FULL, 3)
    ours, broken, peer = answer.figures
    assert (ours.each, peer.each) == (1e6, 2e6)
    assert broken.each is None and answer.ratio(broken) is None
    assert re.search(reason, broken.why_not)
    assert harness.failed([answer]) == [broken]


def test_a_peer_that_does_not_work_is_no_error():
    peer = harness.Figure(Contender("peer", print, needs="peer"), 1, "seconds", why_not="not there")
    assert harness.failed([harness.Answer("asked", case(), FULL, [peer])]) == []


def test_a_run_has_an_empty_folder_or_one_that_was_prepared(question):
    (empty,) = harness.measure("asked", case("where"), FULL, 2).figures
    assert empty.costs == [4, 4], empty.why_not
    make = type("make", (), {})
    (prepared,) = harness.measure("asked", case("prepared", prepare=make), FULL, 2).figures
    assert prepared.costs == [1, 1], prepared.why_not


@pytest.mark.slow
def test_what_takes_too_long_is_ended_with_all_that_it_has_started(question, tmp_path):
    with pytest.raises(harness.Failed, match=r"took longer than 10 s"):
        harness.run("asked", "endless", 1, tmp_path, patience=10)
    assert all(is_gone(int(pid)) for pid in (question / "pids").read_text().split())


def test_what_a_run_leaves_behind_is_ended(question, tmp_path):
    assert harness.run("asked", "leaving", 1, tmp_path) == 1.0
    assert is_gone(int((question / "pids").read_text()))


def test_a_question_is_a_program(question):
    done = subprocess.run(
        [sys.executable, "-m", "asked", "--rounds", "3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "asked: work" in done.stdout, done.stderr
    peer = next(line.split() for line in done.stdout.splitlines() if line.split()[:1] == ["peer"])
    assert peer == ["peer", "4", "8.000", "s", "2e+06", "2", "at", "least", "1.5"]


def test_one_of_ours_that_does_not_work_is_an_error(question):
    path = question / "asked.py"
    path.write_text(path.read_text().replace('"ours", ours', '"ours", wrong'))
    done = subprocess.run(
        [sys.executable, "-m", "asked", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert re.search(r"did not work: ours", done.stderr)
    assert re.search(r"not measured: wrong result: not the same work", done.stdout)


def test_what_runs_ends_with_the_program(question):
    path, pids = question / "asked.py", question / "pids"
    path.write_text(path.read_text().replace('"ours", ours', '"ours", endless'))
    program = subprocess.Popen([sys.executable, "-m", "asked"], cwd=ROOT, stdout=subprocess.DEVNULL)
    for _ in range(600):
        if pids.exists() and len(pids.read_text().split()) == 2:
            break
        time.sleep(0.1)
    program.terminate()
    assert program.wait(60) == 1
    assert all(is_gone(int(pid)) for pid in pids.read_text().split())
