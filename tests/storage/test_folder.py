"""A study's folder: made whole or not at all, held while the study runs, removed when nobody uses it."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from research import Domain
from research.errors import StudyError, StudyExistsError
from research.storage import lock
from research.storage.folder import NewFolder, remove_folder, study_name
from research.storage.lock import Lock, is_held, read_holder


@pytest.mark.parametrize("name", ["a", "a/b", Path("a/b"), os.path.join("a", "b")])
def test_a_name_is_text_or_a_path(name):
    assert study_name(name) == str(name)


@pytest.mark.parametrize("name", [Domain(a=[1]), None, 1, b"a", ["a"]])
def test_what_is_no_name_is_refused_with_the_way_out(name):
    with pytest.raises(TypeError, match=r"`name` must be a str or a path.*Research\(domain=domain\)"):
        study_name(name)


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_is_no_path_is_refused(name):
    with pytest.raises(ValueError, match="`name` must be the path of a folder, got"):
        study_name(name)


def test_a_folder_in_which_nothing_came_about_is_gone_with_all_that_was_made_for_it():
    Path("old").mkdir()
    with NewFolder("old/new/study") as new:
        (new.path / "research.log").write_text("x")
        (new.path / "objects").mkdir()
        (new.path / "objects" / "a.bin").write_bytes(b"x")
    assert os.listdir("old") == []


def test_a_folder_that_was_there_stays():
    Path("study").mkdir()
    with NewFolder("study") as new:
        (new.path / "research.log").write_text("x")
    assert os.listdir("study") == []


def test_another_study_beside_it_is_left_alone():
    with NewFolder("both/one"), NewFolder("both/two") as two:
        two.keep()
    assert os.listdir("both") == ["two"]


def test_a_folder_that_is_kept_stays_without_its_lock():
    with NewFolder("study") as new:
        new.keep()
        (new.path / "research.db").touch()
        assert sorted(os.listdir("study")) == ["research.db", "research.lock"]
    assert os.listdir("study") == ["research.db"]


def test_one_folder_is_made_by_one_study_only():
    with NewFolder("study"):
        with pytest.raises(StudyExistsError, match="the study in 'study' is being run, by process"):
            NewFolder("study")
        assert os.listdir("study") == ["research.lock"]


def test_a_lock_that_was_left_behind_is_in_nobodys_way():
    Path("study").mkdir()
    Path("study/research.lock").touch()
    with NewFolder("study") as new:
        new.keep()
    assert os.listdir("study") == []


@pytest.fixture
def orphan():
    """Leave a study whose driver was killed, and a worker of it; return what lets the worker end."""
    with NewFolder("study") as new:
        new.keep()
        (new.path / "research.db").touch()
    ours, theirs = socket.socketpair()
    driver = os.fork()
    if driver == 0:
        ours.close()
        Lock.take(new.path)
        if os.fork() == 0:
            theirs.send(b"ready")
            theirs.recv(1)
            os._exit(0)
        signal.pause()
    theirs.close()
    assert ours.recv(5) == b"ready"
    os.kill(driver, signal.SIGKILL)
    os.waitpid(driver, 0)
    yield ours.close
    ours.close()


def test_workers_of_a_driver_that_was_killed_are_waited_for(orphan, monkeypatch):
    monkeypatch.setattr(lock.time, "sleep", lambda seconds: orphan())
    assert is_held(Path("study"))
    with NewFolder.of_study("study"):
        assert read_holder(Path("study")).pid == os.getpid()


def test_workers_that_do_not_end_are_not_waited_for_without_end(orphan, monkeypatch):
    monkeypatch.setattr(lock, "LAST_SECONDS", 0.05)
    says = r"the study in 'study' is being run, by what process \d+ of .* has left behind: it has ended"
    with pytest.raises(StudyError, match=says):
        NewFolder.of_study("study")


def test_who_looks_whether_a_lock_is_held_is_in_nobodys_way():
    folder = Path("study")
    folder.mkdir()
    (folder / lock.FILE).touch()
    is_over = threading.Event()

    def look():
        while not is_over.is_set():
            is_held(folder)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(200):
            Lock.take(folder).release(remove=False)
    finally:
        is_over.set()
        for looker in lookers:
            looker.join()


def test_a_lock_of_a_file_that_is_gone_is_none(monkeypatch):
    folder = Path("study")
    folder.mkdir()
    flock, calls = lock.fcntl.flock, []

    def late(descriptor, how):
        if not calls:
            (folder / lock.FILE).unlink()  # by who had the lock, just before
        calls.append(how)
        flock(descriptor, how)

    monkeypatch.setattr(lock.fcntl, "flock", late)
    held = Lock.take(folder)
    assert is_held(folder)
    assert Lock.take(folder) is None
    held.release()


def test_a_study_that_runs_is_removed_by_force_only():
    with NewFolder("study") as new:
        new.keep()
        (new.path / "research.db").touch()
        assert is_held(new.path)
        with pytest.raises(StudyError, match=r"the study in 'study' is running; nothing was removed.*force"):
            remove_folder("study", ask=False, force=False)
        assert Path("study/research.db").exists()
        assert remove_folder("study", ask=False, force=True)
    assert not Path("study").exists()


def test_a_study_that_has_ended_is_removed_even_if_it_left_its_lock():
    Path("study").mkdir()
    for name in ("research.db", "research.lock"):
        Path("study", name).touch()
    assert not is_held(Path("study"))
    assert remove_folder("study", ask=False, force=False)


def test_what_is_left_of_a_study_that_was_killed_as_it_began_is_in_nobodys_way():
    Path("study/env").mkdir(parents=True)
    for name in ("research.lock", "research.log", "env/python.txt"):
        Path("study", name).touch()
    with NewFolder("study") as new:
        new.keep()
    Path("study/research.lock").touch()
    Path("study/mine").touch()
    with pytest.raises(StudyExistsError, match="exists and is no study"):
        NewFolder("study")
