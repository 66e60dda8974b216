"""Studies in a database, by commands."""

from __future__ import annotations

import json

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
