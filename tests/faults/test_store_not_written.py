"""A store that cannot be written ends its study with an error that says so, and nothing is claimed."""

from __future__ import annotations

import errno
import os
import re
import resource
import time
from pathlib import Path

import pytest

from research import EC, Domain, Research, ResearchResults
from research.errors import StudyError, cannot_write


@pytest.fixture
def little_room():
    """Let no file grow beyond 200 kB, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("how", [{"workers": 2}, {"parallel": False}], ids=["processes", "inline"])
def test_a_full_disk(little_room, how):
    study = Research("deep/study", Domain(a=range(20)))
    study.add_callable("make", lambda a: bytes([a]) * 50_000, a=EC("a"), save_to="data")
    with pytest.raises(
        StudyError, match=r"'/.*deep/study/research\.db' cannot be written.*resume=True"
    ) as info:
        study.run(bar=False, **how)
    assert info.value.__cause__ is not None
    assert len(str(info.value)) < 500
    log = Path("deep/study/research.log").read_text()
    assert "ERROR   study 'deep/study' was broken off: " in log
    assert "cannot be written" in log
    assert "ended: {" not in log
    assert len(ResearchResults("deep/study").df) < 20


def test_a_disk_that_is_full_at_the_end_of_an_iteration(little_room):
    def make(a):
        time.sleep(0.3)  # so that what was saved is written right after it, before anything else is done
        return bytes([a]) * 150_000

    study = Research("study", Domain(a=range(3))).add_callable("make", make, a=EC("a"), save_to="data")
    with pytest.raises(StudyError, match=r"research\.db' cannot be written"):
        study.run(bar=False, parallel=False)
    assert len(ResearchResults("study").df) < 3


def test_a_disk_that_is_full_before_there_is_a_study(monkeypatch):
    def begin(self, row, name, resume):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("research.storage.sqlite.SqliteWriter.begin", begin)
    with pytest.raises(StudyError, match=r"research\.db' cannot be written: OSError.*No space left"):
        Research("deep/study").add_callable("f", lambda: 1).run(bar=False)
    assert not Path("deep").exists()


def test_a_definition_for_which_there_is_no_room(monkeypatch):
    monkeypatch.setattr("research.definition.LARGEST", 2**30)
    data = bytes(10_000_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    study = Research("study").add_callable("f", lambda: len(data), save_to="n")
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, before[1]))
    try:
        with pytest.raises(StudyError, match=r"research\.dill' cannot be written"):
            study.run(bar=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("code", "way"),
    [
        (errno.ENOSPC, "make room there, and go on"),
        (errno.EDQUOT, "make room there, and go on"),
        (errno.EACCES, "see who may write there"),
    ],
)
def test_what_can_be_done_is_said(code, way, tmp_path):
    text = str(cannot_write(tmp_path / "new" / "file", OSError(code, os.strerror(code)), 1234567))
    assert re.search(
        r"new/file' cannot be written: .*\(1,234,567 bytes were to be written, [\d,]+ are free", text
    )
    assert way in text
