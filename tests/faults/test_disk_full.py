"""A disk that fills up ends a study with an error that says where and how much; with room it goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from research import EC, Domain, Research
from tests.faults.small_disk import run_on_small_disk

HOWS = ["workers=2", "workers=2, isolation='experiment'", "parallel=False"]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("size", [30_000, 2**20])
def test_results_that_fill_the_disk(how, size):
    """As rows of the database, and as files of their own."""
    said = run_on_small_disk(
        f"""
        def make(a):
            time.sleep(0.02)
            return bytes([a]) * {size}

        study = Research("study", Domain(a=range(60))).add_callable(make, a=EC("a"), save_to="v")
        error = refused(study, {how})
        place = "study/research.db" if {size} < 2**20 else "study/objects/"
        assert place in error and "make room there, and go on by run(resume=True)" in error, error
        assert "bytes were to be written, " in error and " are free there" in error, error
        done = len(ResearchResults("study").df)
        assert done < 60
        make_room()
        study.run(bar=False, resume=True, {how})
        assert study.monitor.counts == {{"done": 60}}, study.monitor.counts
        assert values(study) == {{a: bytes([a]) * {size} for a in range(60)}}
        assert not list(Path("study").rglob("*.tmp"))
        """,
        "1m" if size < 2**20 else "16m",
    )
    assert "Traceback" not in said
    assert "Logging error" not in said


@pytest.mark.parametrize("how", HOWS)
def test_logs_that_fill_the_disk(how):
    said = run_on_small_disk(
        f"""
        def make(a):
            time.sleep(0.02)
            print("x" * 30_000)
            return a

        study = Research("study", Domain(a=range(60))).add_callable(make, a=EC("a"), save_to="v")
        error = refused(study, {how})
        assert "cannot be written" in error and "make room there, and go on" in error, error
        make_room()
        study.run(bar=False, resume=True, {how})
        assert study.monitor.counts == {{"done": 60}}
        assert values(study) == {{a: a for a in range(60)}}
        for id_ in study.results.configs:
            assert study.results.log(id_) == "x" * 30_000 + "\\n"
        """
    )
    assert "Traceback" not in said
    assert "Logging error" not in said


def test_artifacts_for_which_there_is_no_room_fail_their_experiments():
    said = run_on_small_disk(
        """
        def make(a, folder):
            if a == 2:
                try:
                    (folder / "large").write_bytes(bytes(2**22))
                except OSError:
                    (folder / "large").unlink()
                    raise
            return a

        study = Research("study", Domain(a=range(6))).add_callable(make, a=EC("a"), folder=EP(), save_to="v")
        study.run(bar=False, workers=1)
        assert study.monitor.counts == {"done": 5, "failed": 1}, study.monitor.counts
        (failed,) = study.monitor.exceptions
        assert failed["exception"].errno == 28
        make_room()
        study.run(bar=False, workers=1, resume=True, retry_failed=True)
        assert study.monitor.counts == {"done": 6}, study.monitor.counts
        """,
    )
    assert "Traceback" not in said


def test_a_log_that_cannot_be_written_ends_nothing():
    said = run_on_small_disk(
        """
        os.mkdir("study")
        study = Research("study/one", Domain(a=range(3)))

        def work(a):
            return a

        log = Path("study/one/research.log")
        study.add_callable(work, a=EC("a"), save_to="v").run(bar=False, workers=1)
        log.unlink()
        log.symlink_to("/dev/full")  # to which nothing can be written, ever
        again = Research("study/one", Domain(a=range(6))).add_callable(work, a=EC("a"), save_to="v")
        again.run(bar=False, workers=1, resume=True)
        assert again.monitor.counts == {"done": 6}
        """
    )
    assert said.count("cannot be written") == 1
    assert "Traceback" not in said


def test_a_disk_that_is_full_from_the_start():
    said = run_on_small_disk(
        """
        study = Research("study", Domain(a=range(3))).add_callable("f", lambda a: a, a=EC("a"), save_to="v")
        fill()
        try:
            study.run(bar=False)
        except (StudyError, OSError) as error:
            assert isinstance(error, StudyError) and "cannot be written" in str(error), repr(error)
        assert not Path("study").exists()
        make_room()
        assert study.run(bar=False).monitor.counts == {"done": 3}
        """
    )
    assert "Traceback" not in said


def test_domains_for_which_there_is_no_room():
    said = run_on_small_disk(
        """
        def more():
            fill(20_000)
            return Domain(a=[bytes([9]) * 100_000])

        def shorten(a):
            return len(a) if isinstance(a, bytes) else a

        study = Research("study", Domain(a=range(3))).add_callable(shorten, a=EC("a"), save_to="v")
        study.update_domain(more, when="last")
        error = refused(study, workers=1)
        assert "domains/1.dill' cannot be written" in error, error
        assert "bytes were to be written" in error, error
        assert not list(Path("study/domains").iterdir())
        """
    )
    assert "Traceback" not in said


LIMITED = """
import resource, sys
from research import *
before = resource.getrlimit(resource.RLIMIT_FSIZE)
study = Research("study", Domain(a=range(40)))
study.add_callable("make", lambda a: bytes([a]) * 20_000, a=EC("a"), save_to="v")
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
try:
    study.run(bar=False, workers=2)
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_limit_on_the_size_of_files():
    """As of a user who may write no more."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("StudyError ")
    assert "bytes were to be written" in done.stdout
    assert "run(resume=True)" in done.stdout
    study = Research("study", Domain(a=range(40)))
    study.add_callable("make", lambda a: bytes([a]) * 20_000, a=EC("a"), save_to="v")
    study.run(bar=False, workers=2, resume=True)
    assert study.monitor.counts == {"done": 40}
    assert study.results.df["v"].tolist() == [bytes([a]) * 20_000 for a in range(40)]


def test_a_place_for_temporary_files_that_is_full():
    said = run_on_small_disk(
        """
        import tempfile
        tempfile.tempdir = os.getcwd()
        study = Research(Path("..").resolve() / "study", Domain(a=range(8)))

        def speak(a):
            print("x" * 1000)
            return a

        study.add_callable(speak, a=EC("a"), save_to="v")
        fill()
        error = refused(study, workers=2)
        assert os.getcwd() in error and "make room" in error, error
        """
    )
    assert "Traceback" not in said
