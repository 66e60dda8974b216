"""Databases that are locked, damaged, gone, or where no memory can be shared, as on network file systems."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from research import EC, Domain, O, Research, ResearchResults
from research.errors import DamagedStudyError, StudyError


def slow(a):
    time.sleep(0.01)
    return a


def study_of(n, name="study", unit=slow):
    return Research(name, Domain(a=range(n))).add_callable("slow", unit, a=EC("a"), save_to="b")


HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect("study/research.db", isolation_level=None, timeout=30)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[1]))
"""


@contextlib.contextmanager
def held_by_another(seconds):
    """Let another process hold the database locked."""
    code = [sys.executable, "-c", HOLDER, str(seconds)]
    with subprocess.Popen(code, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        yield holder
        holder.kill()


def test_a_database_that_is_locked_for_a_moment_is_waited_for():
    def lock(a):
        if a == 3:
            holders.append(subprocess.Popen([sys.executable, "-c", HOLDER, "1.5"]))
            time.sleep(1)
        return slow(a)

    holders = []
    study = study_of(100, unit=lock).run(bar=False, parallel=False)
    assert holders[0].wait() == 0
    assert study.monitor.counts == {"done": 100}
    assert sorted(study.results.df["b"]) == list(range(100))


def test_a_database_that_stays_locked_ends_the_study(monkeypatch):
    monkeypatch.setattr("research.storage.connecting.PATIENCE", 1.0)
    study_of(10).run(bar=False, workers=2)
    with (
        held_by_another(600),
        pytest.raises(
            StudyError, match=r"research\.db' cannot be written.*locked.*let the program end.*resume=True"
        ),
    ):
        study_of(30).run(bar=False, workers=2, resume=True)
    assert len(ResearchResults("study").df) == 10
    study = study_of(30).run(bar=False, workers=2, resume=True)
    assert study.monitor.counts == {"done": 30}
    assert sorted(study.results.df["b"]) == list(range(30))


def cut_to_nothing(path):
    path.write_bytes(b"")


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def overwrite_page(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * 4096)


def overwrite_head(path):
    with path.open("r+b") as file:
        file.write(b"\xaa" * 4096)


@pytest.mark.parametrize("damage", [cut_to_nothing, cut, overwrite_page, overwrite_head])
def test_a_damaged_database_is_not_gone_on_with(damage):
    study_of(200, unit=lambda a: a).run(bar=False, workers=2)
    path = Path("study/research.db")
    damage(path)
    before = path.read_bytes()
    with pytest.raises(DamagedStudyError, match=r"the study in 'study' cannot be read"):
        study_of(210).run(bar=False, resume=True)
    assert path.read_bytes() == before
    assert Path("study/research.log").read_text().count("ended") == 1


def leave_in_wal():
    """Leave a study whose driver was killed when all of it was in the WAL."""
    code = """if True:
        import os, time
        from research import *
        def unit(a):
            time.sleep(0.03)
            if a == 49:
                os.kill(os.getpid(), 9)
            return a
        study = Research("study", Domain(a=range(50))).add_callable("slow", unit, a=EC("a"), save_to="b")
        study.run(bar=False, parallel=False)
        """
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})


def test_a_lost_log_of_commits():
    leave_in_wal()
    log = Path("study/research.db-wal")
    assert log.stat().st_size > 10_000
    log.unlink()
    with pytest.raises(DamagedStudyError, match="cannot be read"):
        study_of(50).run(bar=False, resume=True)
    assert not log.exists() or not log.stat().st_size


def test_a_damaged_log_of_commits_is_read_as_far_as_it_is_whole():
    leave_in_wal()
    log = Path("study/research.db-wal")
    with log.open("r+b") as file:
        file.seek(-3000, os.SEEK_END)
        file.write(bytes(3000))
    study = study_of(50).run(bar=False, resume=True, code_changed="keep")
    assert study.monitor.counts == {"done": 50}
    assert sorted(study.results.df["b"]) == list(range(50))


def test_a_folder_that_is_removed_while_the_study_runs():
    def remove(a):
        if a == 20:
            shutil.rmtree("study")
        return slow(a)

    study = study_of(200, unit=remove)
    with pytest.raises(StudyError, match=r"study/research\.db' was removed or replaced while the study ran"):
        study.run(bar=False, workers=2)
    assert not Path("study").exists()


def without_shared_memory():
    """Let SQLite be unable to open what processes share beside a database in WAL mode."""
    Path("study/research.db-shm").symlink_to("/nowhere/at all")


def mode():
    return Path("study/research.db").read_bytes()[18]  # https://www.sqlite.org/fileformat.html


def test_without_shared_memory_there_is_a_rollback_journal():
    study_of(5).run(bar=False, workers=2)
    assert mode() == 2
    without_shared_memory()
    seen, over = [], threading.Event()

    def read():
        while (mode() == 2 or Path("study/research.db-wal").exists()) and not over.is_set():
            time.sleep(0.01)
        while not over.is_set():
            seen.append(len(ResearchResults("study").df))

    def steps(a):
        for n in range(10):
            time.sleep(0.01)
            yield n

    readers = [threading.Thread(target=read) for _ in range(2)]
    described = Research("study", Domain(a=range(60))).add_generator("steps", steps, a=EC("a"))
    described.save(O("steps"), "b").dump("b", when=1)
    for reader in readers:
        reader.start()
    try:
        study = described.run(bar=False, workers=2, resume=True, code_changed="keep")
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert study.monitor.counts == {"done": 60}
    assert mode() == 1
    assert len(set(seen)) > 5
    assert "cannot be in WAL mode, as on a network file system" in Path("study/research.log").read_text()
    assert len(study.results.df) == 55 * 10 + 5


def test_a_commit_to_a_rollback_journal_that_is_broken_off(tmp_path):
    study_of(5).run(bar=False, workers=2)
    without_shared_memory()
    study_of(10).run(bar=False, workers=2, resume=True)
    code = (
        "import os, sqlite3\n"
        "connection = sqlite3.connect('study/research.db', isolation_level=None)\n"
        "connection.execute('PRAGMA cache_size=2')\n"
        "connection.execute('BEGIN')\n"
        "connection.execute('DELETE FROM latest')\n"
        "connection.execute('CREATE TABLE much (x)')\n"
        "connection.executemany('INSERT INTO much VALUES (?)', [(bytes(5000),)] * 100)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code])
    assert Path("study/research.db-journal").stat().st_size
    study = study_of(15).run(bar=False, workers=2, resume=True)
    assert study.monitor.counts == {"done": 15}
    assert sorted(study.results.df["b"]) == list(range(15))
