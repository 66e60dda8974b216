"""Scripts of `batch`, run: by shells that stand in for batch systems, which set a variable for each task."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from research import ResearchResults
from tests.cli.shell import environment, said, told, write

PATIENCE = 60
NOISE = """
    import os
    import time
    from pathlib import Path
    from research import EC, Domain, E, O, Research

    def measure(x, random):
        for number in range(3):
            while x >= 6 and Path("wait").exists():
                time.sleep(0.01)
            if x == 13:
                raise ValueError("thirteen")
            yield x + number + random.random()

    study = Research("noise", Domain(x=[*range(5), 3, *range(5, 20)]), n_reps=2)
    study.add_generator("measure", measure, x=EC("x"), random=E().random).save(O("measure"), "y")
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(monkeypatch):
    """Be in a folder with a study, and with blanks in its name."""
    path = Path("some where")
    path.mkdir()
    monkeypatch.chdir(path)
    return write("noise.py", NOISE).parent


@pytest.fixture
def whole(folder):
    """Return what one run gives."""
    told("run", "noise.py", "--seed", 5, "--name", "whole", "-q", status=1)
    return ResearchResults("whole")


@pytest.fixture
def begin():
    """Begin a task, as a batch system does: from anywhere, in a session of its own."""
    begun = []

    def begin(script, index=None, number=None):
        variables = {} if index is None else {index: str(number)}
        process = subprocess.Popen(
            ["bash", str(Path(script).absolute())],
            cwd="/",
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ended(process):
    text, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, text


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def rows(results):
    items = results.store.read().experiments
    return [(row.key, row.id, row.number, row.repetition, row.status) for row in items]


def assert_equal(one, other):
    assert rows(one) == rows(other)
    assert one.df.equals(other.df)
    assert list(one.configs) == list(other.configs)


def are_under_way(*numbers):
    """Whether shards have done something; they are not through."""
    known = json.loads(told("ls", "my shards", "--json")) if Path("my shards").exists() else []
    begun = {row["name"] for row in known if row.get("counts", {}).get("done")}
    return {f"my shards/{number}" for number in numbers} <= begun


def shards():
    return [" ".join(line.split()) for line in told("show", "my shards").splitlines()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_array_of_which_a_task_is_killed_gives_what_one_run_gives(number, whole, begin):
    script = Path("my shards/submit.sh")
    batch = ("batch", "noise.py", "--shards", 3, "--machine", "slurm", "--seed", 5, "--cpus", 2)
    told(*batch, "--into", "my shards")
    Path("wait").touch()
    first, second = (begin(script, "SLURM_ARRAY_TASK_ID", task) for task in (0, 1))  # at once
    wait_for(lambda: are_under_way(0, 1))
    assert "1 not begun" in shards()[0]
    assert (
        "is being run" in ended(begin(script, "SLURM_ARRAY_TASK_ID", 0))[1]
    )  # of an array that was submitted twice
    family = [psutil.Process(first.pid), *psutil.Process(first.pid).children(recursive=True)]
    os.kill(first.pid, number)
    status, text = ended(first)
    assert status == (143 if number == signal.SIGTERM else -number)
    assert (number == signal.SIGKILL) or "research resume my shards/0 --shard 0/3" in text
    psutil.wait_procs(family, PATIENCE)
    Path("wait").unlink()
    assert ended(second)[0] in (0, 1)
    word = "killed" if number == signal.SIGKILL else "stopped"
    assert f"to go on 0 ({word})" in shards()
    lack = f"2 of 3 has not begun; 0 was {word}"
    merge = begin("my shards/merge.sh")
    assert ended(merge)[0] == 3
    assert f"shards are missing: {lack}" in told("merge", "my shards", "--into", "noise", "--whole", status=3)
    assert {ended(begin(script, "SLURM_ARRAY_TASK_ID", task))[0] for task in (0, 2)} <= {0, 1}
    assert shards()[0] == "shards 3: 3 done"
    assert ended(begin("my shards/merge.sh")) == (0, "noise: 38 done, 2 failed\n")
    assert_equal(ResearchResults("noise"), whole)


@pytest.mark.parametrize(
    ("machine", "index"), [("pbs", "PBS_ARRAY_INDEX"), ("sge", "SGE_TASK_ID"), ("lsf", "LSB_JOBINDEX")]
)
def test_tasks_that_are_counted_from_one_or_from_zero_are_all_shards(machine, index, whole, begin):
    told("batch", "noise.py", "--shards", 2, "--machine", machine, "--seed", 5, "--no-parallel")
    first = 0 if machine == "pbs" else 1
    found = [ended(begin("noise-shards/submit.sh", index, first + task)) for task in range(2)]
    assert {status for status, _ in found} <= {0, 1}
    assert ended(begin("noise-shards/merge.sh"))[0] == 0
    assert_equal(ResearchResults("noise"), whole)


def test_an_array_of_one_study_in_a_database_needs_no_merge(database, whole, begin):
    told("batch", "noise.py", "--shards", 2, "--machine", "slurm", "--seed", 5, "--storage", database)
    assert not Path("noise-shards/merge.sh").exists()
    tasks = [begin("noise-shards/submit.sh", "SLURM_ARRAY_TASK_ID", task) for task in range(2)]
    assert {ended(task)[0] for task in tasks} <= {0, 1}
    assert_equal(ResearchResults("noise", storage=database), whole)


def test_this_machine_runs_some_at_a_time_and_goes_on_with_what_was_killed(whole, begin):
    told("batch", "noise.py", "--shards", 3, "--seed", 5, "--into", "my shards", "--line", "export A=b")
    Path("wait").touch()
    running = begin("my shards/submit.sh")
    wait_for(lambda: are_under_way(0))
    family = psutil.Process(running.pid).children(recursive=True)
    (driver, *_) = sorted(
        (item for item in family if "0/3" in item.cmdline()), key=psutil.Process.create_time
    )  # the others are its children
    driver.kill()
    Path("wait").unlink()
    status, text = ended(running)
    assert status == 123  # as xargs has it, where one of them failed
    assert "my shards/2: " in text  # which comes after the one that was killed
    assert "to go on 0 (killed)" in shards()
    done = subprocess.run(
        ["sh", "my shards/submit.sh", "-P", "2"], env=environment(), capture_output=True, check=False
    )
    assert done.returncode in (0, 123)
    assert said("merge", "my shards", "--into", "noise", "--whole") == "noise: 38 done, 2 failed\n"
    assert_equal(ResearchResults("noise"), whole)
    done = subprocess.run(
        ["sh", "my shards/submit.sh", "1"], env=environment(), capture_output=True, check=False, text=True
    )
    assert done.stdout.startswith("my shards/1: ")
