"""Studies that are kept in a database on a server: run, found again from elsewhere, removed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import dill
import numpy as np
import pytest

from research import EC, EP, Domain, E, R, Research, ResearchResults
from research.errors import StudyError, StudyExistsError, StudyNotFoundError
from research.storage.servers import Server
from tests.study.in_databases import begin, described

PATIENCE = 60
SECRET = "s3cret @word"
QUOTED = "s3cret%20%40word"


def work(a, random, folder):
    """Leave something of every kind."""
    print("at", a)
    (folder / "note.txt").write_text("x" * a)
    if a == 4:
        raise ValueError("not that one")
    return {"sum": a + random.random(), "array": np.arange(a * 50_000), "list": [a, None]}


def study_of(database, name="kept", domain=None, **options):
    study = Research(name, Domain(a=[1, 2, 3]) if domain is None else domain, storage=database, **options)
    return study.add_callable(work, a=EC("a"), random=E().random, folder=EP(), save_output_dict=True)


def in_another_folder(monkeypatch, name="elsewhere"):
    """Go where another machine would be."""
    Path(name).mkdir(exist_ok=True)
    monkeypatch.chdir(name)


def test_it_is_read_gone_on_with_and_removed_from_another_machine(database, monkeypatch):
    whole = study_of(None, "whole", Domain(a=[1, 2, 3, 5])).run(seed=3, bar=False, parallel=False).results
    study = study_of(database).run(seed=3, bar=False, workers=2, env_meta=True, note="first")
    assert study.results.artifacts_to_df()["name"].tolist() == ["note.txt"] * 3
    assert sorted(os.listdir("kept")) == ["experiments", "research.log", "stdout.txt"]
    assert "kept in postgresql://" in Path("kept/research.log").read_text()
    in_another_folder(monkeypatch)
    results = ResearchResults("kept", storage=database)
    assert results.df["sum"].tolist() == whole.df["sum"].tolist()[:3]
    assert [results.log(id_) for id_ in results.configs] == ["at 1\n", "at 2\n", "at 3\n"]
    assert "python" in results.env_meta()
    assert len(results.artifacts_to_df()) == 0
    loaded = Research.load("kept", storage=database)
    assert (loaded.is_finished, loaded.monitor.counts) == (True, {"done": 3})
    loaded.attach_git_meta(os.path.dirname(__file__))
    assert loaded.plan()["status"].tolist() == ["done"] * 3
    loaded.domain = Domain(a=[1, 2, 3, 5])
    loaded.run(bar=False, note="second")
    assert loaded.results.df["sum"].tolist() == whole.df["sum"].tolist()
    for one, other in zip(loaded.results.df["array"], whole.df["array"], strict=True):
        assert np.array_equal(one, other)
    assert loaded.results.runs["note"].tolist() == ["first", "second"]
    assert Research.remove("kept", ask=False, storage=database)
    assert not Path("kept").exists()
    with pytest.raises(StudyNotFoundError, match=r"there is no study 'kept' in 'postgresql://"):
        ResearchResults("kept", storage=database)


def test_there_is_one_study_of_a_name(database):
    study_of(database).run(bar=False, parallel=False)
    with pytest.raises(StudyExistsError, match=r"there is a study 'kept' in 'postgresql://.*resume=True"):
        study_of(database).run(bar=False, parallel=False)
    study_of(database).run(bar=False, parallel=False, resume=True)
    study_of(database, "other").run(bar=False)
    with pytest.raises(StudyNotFoundError, match=r"no study 'kpt' in 'postgresql://.*; did you mean 'kept'"):
        Research.load("kpt", storage=database)


def test_what_else_is_in_the_folder_stays(database):
    study_of(None, "here").run(bar=False)
    with pytest.raises(StudyExistsError, match=r"there is another study in the folder"):
        study_of(database, "here").run(bar=False)
    Path("mine").mkdir()
    Path("mine/thesis.txt").touch()
    with pytest.raises(StudyExistsError, match=r"there is 'thesis.txt' in the folder"):
        study_of(database, "mine").run(bar=False)
    with pytest.raises(StudyNotFoundError):
        ResearchResults("mine", storage=database)
    study_of(database).run(bar=False, parallel=False)
    Path("kept/thesis.txt").touch()
    assert Research.remove("kept", ask=False, storage=database)
    assert Path("kept/thesis.txt").exists()


def test_failures_are_tried_again(database):
    study = study_of(database, domain=Domain(a=[3, 4])).run(bar=False)
    assert study.monitor.counts == {"done": 1, "failed": 1}
    study.run(bar=False, parallel=False, resume=True)
    assert study.results.statuses_to_df()["attempt"].tolist() == [1, 1]
    study.run(bar=False, parallel=False, resume=True, retry_failed=True)
    assert study.results.statuses_to_df()["attempt"].tolist() == [1, 2]


@pytest.mark.slow
def test_results_are_read_while_it_runs(database):
    running = begin(database, "described(storage=URL).run(bar=False, workers=2)", "machine", PAUSE="0.02")
    deadline = time.monotonic() + PATIENCE
    seen = []
    while running.poll() is None:
        assert time.monotonic() < deadline
        try:
            seen.append(len(ResearchResults("study", storage=database).df))
        except StudyNotFoundError:
            pass
    assert running.communicate()[0] is None
    assert running.returncode == 0
    assert seen == sorted(seen)
    assert any(0 < number < 186 for number in seen)


def test_it_runs_by_itself_and_is_ended(database, tmp_path, monkeypatch):
    study = described(storage=database).run(detach=True)
    assert study.wait(PATIENCE)
    assert study.monitor.counts == {"done": 62}
    monkeypatch.setenv("GATE", str(tmp_path / "never"))
    other = described("other", storage=database).run(detach=True)
    assert not other.is_finished
    assert Research.load("other", storage=database).terminate()
    assert other.is_finished
    assert set(other.monitor.counts) <= {"stopped", "queued"}
    assert other.results.study.outcome == "stopped"


def next_domain(results):
    """Go on with the largest number that there is, and one more."""
    largest = max(results.df["a"])
    return Domain(a=[largest, largest + 1]) if largest < 5 else None


def fail_once(a, random):
    if a == 4 and not Path("failed").exists():
        Path("failed").touch()
        raise ValueError("not now")
    return a + random.random()


def updated(name, storage=None):
    study = Research(name, Domain(a=[1, 2]), storage=storage)
    study.add_callable(fail_once, a=EC("a"), random=E().random, save_to="y")
    return study.update_domain(next_domain, when="last", results=R())


def test_domains_that_replace_others_are_remembered(database):
    with pytest.raises(StudyError, match=r"1 experiments have failed"):
        updated("kept", database).run(seed=3, bar=False, parallel=False, max_failures=1)
    study = Research.load("kept", storage=database).run(bar=False, retry_failed=True, parallel=False)
    whole = updated("whole").run(seed=3, bar=False, parallel=False)
    order = ["id"]
    one, other = (
        item.results.df.sort_values(order, ignore_index=True)[["id", "a", "y"]] for item in (study, whole)
    )
    assert one.equals(other)
    assert sorted(one["a"]) == [1, 2, 2, 3, 3, 4, 4, 5]


def test_a_snapshot_and_a_merged_study_are_folders(database):
    study = study_of(database).run(seed=3, bar=False, parallel=False, env_meta=True)
    copied = ResearchResults(study.snapshot())
    for one in (copied, ResearchResults("kept", storage=database)):
        assert one.df["sum"].tolist() == study.results.df["sum"].tolist()
        assert [one.log(id_) for id_ in one.configs] == ["at 1\n", "at 2\n", "at 3\n"]
        assert one.artifacts_to_df()["size"].tolist() == [1, 2, 3]
        assert one.env_meta() == study.results.env_meta()
    study_of(None, "part", Domain(a=[3, 5])).run(seed=3, bar=False, parallel=False)
    merged = ResearchResults.merge([study.results, "part"], into="all")
    assert sorted(merged.df["a"]) == [1, 2, 3, 5]
    assert Research.load("all").run(bar=False).monitor.counts == {"done": 4}
    study.run(resume=True, snapshot=True, bar=False)
    assert len(list(Path().glob("kept-*"))) == 2


def test_what_cannot_be_done_says_what_to_do_instead(database):
    study = study_of(database).run(bar=False, parallel=False)
    with pytest.raises(StudyError, match=r"export it from a Research without `storage`"):
        study.export_batch()
    with pytest.raises(ValueError, match=r"no folder in which the column 'x' could be kept: leave out"):
        study.results.with_column("x", 1, store=True)
    with pytest.raises(ValueError, match=r"`storage` says where a study of a name is, got an open store"):
        ResearchResults(study.results.store, storage=database)


def test_results_in_memory_need_no_server():
    study = Research("no", storage="postgresql://nobody@127.0.0.1:1/none").add_callable(
        "f", lambda: 1, save_to="x"
    )
    assert study.run(dump_results=False, bar=False).results.df["x"].tolist() == [1]


@pytest.mark.parametrize(
    ("storage", "kind", "says"),
    [
        (5, TypeError, r"`storage` must be the URL of a PostgreSQL database, .*, got int"),
        ("results", ValueError, r"got a text without a scheme"),
        (f"{SECRET}@host", ValueError, r"got a text without a scheme"),
        (f"u:{SECRET}@host://x", ValueError, r"got a text without a scheme"),
        (f"mysql://u:{QUOTED}@host/db", ValueError, r"got 'mysql'"),
        (f"postgres+psycopg://u:{QUOTED}@host/db", ValueError, r"did you mean 'postgresql\+psycopg'"),
        (f"postgresql://u:{SECRET}@host:port/db", ValueError, r"cannot be read: a password with a sign"),
        (f"postgresql://u:{SECRET}@more@host/db", ValueError, r"cannot be read: a password with a sign"),
    ],
)
def test_what_is_no_url_of_such_a_database_is_refused(storage, kind, says):
    with pytest.raises(kind, match=says) as info:
        Research("study", storage=storage)
    assert "s3cret" not in repr(info.getrepr(chain=True))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            f"postgresql://u:{QUOTED}@127.0.0.1:1/db",
            r"'postgresql://u@127.0.0.1:1/db' cannot be reached: .*refused",
        ),
        (f"postgres://u:{QUOTED}@nohost.invalid/db", r"cannot be reached: .*resolve"),
        (f"postgresql+psycopg://u@127.0.0.1:1/db?password={QUOTED}", r"cannot be reached"),
    ],
)
def test_a_server_that_is_not_there(url, says):
    study = study_of(url)
    ways = [
        lambda: study.run(bar=False),
        lambda: study.run(bar=False, detach=True),
        lambda: study.results,
        lambda: study.plan(),
        lambda: Research.load("kept", storage=url),
        lambda: Research.remove("kept", ask=False, storage=url),
        lambda: ResearchResults("kept", storage=url),
    ]
    for way in ways:
        with pytest.raises(StudyError, match=says) as info:
            way()
        assert "s3cret" not in str(info.getrepr(chain=True, style="long", showlocals=False).reprcrash)
    assert not Path("kept").exists()
    assert "s3cret" not in f"{study!r} {study} {Server.read(url)!r} {Server.read(url)} {vars(study)}"


def test_a_database_that_is_not_there_names_what_the_server_says(database):
    url = Server.read(database)._url.set(database="no such one", password=SECRET)
    with pytest.raises(StudyError, match=r"cannot be reached: .*\"no such one\" does not exist") as info:
        study_of(url.render_as_string(hide_password=False)).run(bar=False)
    assert "s3cret" not in str(info.value)


def test_a_password_is_in_no_pickle():
    server = Server.read(f"postgresql://u:{QUOTED}@host/db?sslpassword={QUOTED}&connect_timeout=3")
    data = dill.dumps(server)
    assert b"s3cret" not in data
    assert (str(dill.loads(data)), b"connect_timeout=3" in data) == (str(server), True)


def test_a_database_that_gives_nothing_any_more(database):
    results = study_of(database).run(bar=False, parallel=False).results
    with Server.read(database).connect() as connection:
        connection.execute("drop table latest")
    with pytest.raises(StudyError, match=r"'kept in postgresql:.*' cannot be read: UndefinedTable: .*latest"):
        _ = results.df
    with Server.read(database).connect() as connection:
        connection.execute("drop table files")
        connection.execute("create table files (wrong integer)")
    with pytest.raises(StudyError, match=r"'postgresql://.*' cannot be read: UndefinedColumn"):
        results.env_meta()


def test_a_password_in_a_script_is_not_kept(database):
    url = Server.read(database)._url.set(password=SECRET).render_as_string(hide_password=False)
    code = f"""
        from research import Research
        study = Research("study", storage={url!r}).add_callable("f", lambda: 1, save_to="x")
        study.run(bar=False, note={SECRET!r})
    """
    Path("script.py").write_text("\n".join(line.strip() for line in code.splitlines()))
    subprocess.run([sys.executable, "script.py"], check=True, timeout=PATIENCE)
    (run,) = ResearchResults("study", storage=database).runs.to_dict("records")
    assert "storage=" in run["text"]
    assert "s3cret" not in str(run)


def test_without_a_driver_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ImportError, match=r"pip install 'domain-research\[postgres\]'"):
        Research("study", storage="postgresql://u@h/d")
