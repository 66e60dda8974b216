"""Studies in a database, by commands."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from tests.cli.shell import told, write

SUMS = """
    from research import EC, Domain, Research

    def total(a, b):
        if a == 3:
            raise ValueError("three")
        return a + b

    domain = Domain(a=[1, 2, 3]) * Domain(b=[10, 20])
    study = Research("sums", domain).add_callable(total, kwargs=EC(), save_to="c")
"""


def test_a_study_is_run_in_shards_and_looked_at(database):
    write("sums.py", SUMS)
    for k in range(2):
        told("run", "sums.py", "--storage", database, "--shard", f"{k}/2", "--seed", "1", "--quiet", status=1)
    (row,) = json.loads(told("ls", "--storage", database, "--json"))
    assert (row["name"], row["status"], row["progress"], row["troubles"]) == ("sums", "done", "6/6", 2)
    table = told(
        "results", "sums", "--storage", database, "--where", "status=done", "--select", "a,b,c", "-f", "csv"
    )
    assert table.split() == ["a,b,c", "1,10,11", "1,20,21", "2,10,12", "2,20,22"]
    told("resume", "sums", "--storage", database, "--retry-failed", "--quiet", status=1)
    assert "no process is running it" in told("stop", "sums", "--storage", database)
    copied = told("snapshot", "sums", "--storage", database).strip()
    assert "6/6: 4 done, 2 failed" in told("show", copied)


@pytest.fixture(params=["server", "file"])
def storage(request):
    """Return the URL of each kind of database in turn, in which there is another study already."""
    url = "sqlite:///studies.db" if request.param == "file" else request.getfixturevalue("database")
    other = "from research import Domain, Research\n"
    other += "study = Research('others', Domain(a=[7])).add_callable(max, args=[8, 9], save_to='d')\n"
    write("others.py", other)
    told("run", "others.py", "--storage", url, "--quiet")
    return url


def test_a_study_in_a_database_is_shown(storage):
    write("sums.py", SUMS.replace("if a == 3:", "print('adding', a, b)\n        if a == 3:"))
    told("run", "sums.py", "--storage", storage, "--note", "first", "--quiet", status=1)
    shown = told("show", "sums", "--storage", storage)
    for part in ("done", "6/6: 4 done, 2 failed", "(first)", "failures    2", "ValueError: three"):
        assert part in shown
    assert re.search(r"c +4 +11 +22", shown)
    assert "others" not in shown
    best = told("show", "sums", "--storage", storage, "--best", "c", "--limit", "1")
    assert "a=2, b=20" in best
    assert "a=1" not in best
    assert "no variable 'C'; known: 'c'" in told(
        "show", "sums", "--storage", storage, "--best", "C", status=2
    )
    assert f"research resume sums --storage {shlex.quote(storage)}" in told(
        "show", "sums", "--plan", "--storage", storage
    )
    failures = told("failures", "sums", "--storage", storage, "--limit", "1")
    assert failures.count("ValueError: three") == 1
    id_ = json.loads(told("results", "sums", "--storage", storage, "--where", "a=1", "-f", "json"))[0]["id"]
    assert told("log", "sums", id_[:10], "--storage", storage).startswith("adding 1 ")
    assert "sums" in told("log", "sums", "--storage", storage)
    missing = told("show", "summs", "--storage", storage, status=4)
    assert "did you mean 'sums'" in missing


def test_what_is_wrong(database):
    write("sums.py", SUMS)
    assert json.loads(told("ls", "--storage", database, "--json")) == []
    assert "there is no study 'sums' in 'postgresql://" in told(
        "results", "sums", "--storage", database, status=4
    )
    assert "--storage" in told("run", "sums.py", "--storage", "mysql://x/y", status=2)
    assert "--shard must be a part of so many, as 0/4" in told("run", "sums.py", "--shard", "half", status=2)
    away = "postgresql://nobody:secret@127.0.0.1:1/none"
    said = told("run", "sums.py", "--storage", away, status=3)
    assert "cannot be reached" in said
    assert "secret" not in said
