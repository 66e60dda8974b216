"""`run`, `resume` and `stop`, as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from research import ResearchResults
from tests.cli.shell import COMMAND, FIT, environment, said, shell, told, write

SLOW = """
    import time
    from pathlib import Path
    from research import EC, Domain, Research

    def double(a):
        return 2 * a

    def work(a, function):
        Path("begun").touch()
        while a > 1 and not Path("gate").exists():
            time.sleep(0.01)
        return function(a)

    study = Research("slow", Domain(a=range(4)) * Domain(function=[double]))
    study.add_callable(work, kwargs=EC(), save_to="b")

    if __name__ == "__main__":
        study.run(workers=2, bar=False)
"""


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def values(name):
    return sorted(ResearchResults(name).df["b"])


def test_a_sweep_goes_on_with_what_it_has_done():
    write("fit.py", FIT)
    done = shell("run", "fit.py", "--workers", 2, "-o", "start_method=spawn")
    assert (done.returncode, done.stdout) == (1, "fit: 3 done, 1 failed\n")
    assert "research failures fit" in done.stderr
    more = ("run", "fit.py", "-p", "C=1,2", "-p", "gamma=0.1,0.2")
    assert "4 experiments: 2 done, 2 new; 2 would be run" in told(*more, "--dry-run")
    assert said(*more, "--no-parallel", status=1) == "fit: 5 done, 1 failed\n"


def test_a_study_is_gone_on_with_from_anywhere(monkeypatch):
    write("sub/helper.py", "def add(a): return a + 1")
    write(
        "sub/adding.py",
        """
        from helper import add
        from research import EC, Domain, Research

        def work(a, function):
            return add(function(a))

        study = Research("adding", Domain(a=[1, 2], function=[add]))
        study.add_callable(work, kwargs=EC(), save_to="b")
        """,
    )
    told("run", "sub/adding.py", "-p", "a=1", "--no-parallel", "--quiet")
    told("run", "sub/adding.py", "--resume", "--no-parallel", "--quiet")
    monkeypatch.chdir("sub")
    assert "2 done; 0 would be run" in said("resume", "../adding", "--dry-run")


def test_a_script_without_a_guard_is_left_where_it_runs():
    write(
        "plain.py",
        """
        from research import EC, Domain, Research, sweep

        def square(a):
            return {"b": a**2}

        def define(name):
            return Research(name, Domain(a=[1, 2])).add_callable(abs, args=[EC("a")], save_to="b")

        other = define("other")
        try:
            define("first").run(n_iters=2, parallel=False, bar=False)
        except Exception:
            pass
        raise RuntimeError("this comes later")
        """,
    )
    assert told("run", "plain.py", "--dry-run").startswith("first: 2 experiments: 2 new")
    assert not Path("first").exists()
    assert told("run", "plain.py", "-p", "a+=3") == "first: 3 done\n"
    assert ResearchResults("first").df["iteration"].tolist() == [0, 1] * 3  # as the script has it
    assert told("run", "plain.py:other", "--no-parallel") == "other: 2 done\n"
    text = Path("plain.py").read_text()
    Path("swept.py").write_text(
        text.replace('define("first").run(', "sweep(square, Domain(a=[2]), ").replace("n_iters=2, ", "")
    )
    assert told("run", "swept.py") == "square: 1 done\n"
    assert told("run", "swept.py", "-p", "a=3") == "square: 2 done\n"
    assert values("square") == [4, 9]


def test_a_function_without_arguments_is_called_for_its_study():
    write(
        "making.py",
        """
        import argparse
        from research import EC, Domain, Research

        def make():
            return Research("made", Domain(a=[1, 2])).add_callable(abs, args=[EC("a")], save_to="b")

        def main():
            arguments = argparse.ArgumentParser()
            arguments.add_argument("--name", default="main")
            make().run(arguments.parse_args().name, n_iters=2)
            raise RuntimeError("this comes later")

        if __name__ == "__main__":
            main()
        """,
    )
    assert told("run", "making.py:make", "--no-parallel") == "made: 2 done\n"
    assert told("run", "making.py:main", "--no-parallel", "-p", "a=5") == "main: 1 done\n"
    assert values("main") == [5, 5]


def test_what_the_file_runs_is_the_same_as_what_the_command_runs():
    Path("gate").touch()
    write("slow.py", SLOW)
    subprocess.run([sys.executable, "slow.py"], check=True, env=environment())
    assert "4 done; 0 would be run" in told("run", "slow.py:study", "--resume", "--dry-run")
    assert "4 done; 0 would be run" in told("resume", "slow", "--dry-run")
    assert "On the command line: --name, --resume" in told("run", "slow.py", status=3)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_what_is_interrupted_says_how_to_go_on(number, status):
    write("slow.py", SLOW)
    process = subprocess.Popen(
        [*COMMAND, "run", "slow.py", "-w", "2"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    wait_for(Path("begun").exists)
    wait_for(lambda: [row for row in json.loads(told("ls", "--json")) if row["counts"].get("done") == 2])
    process.send_signal(number)
    _, text = process.communicate(timeout=60)
    assert process.returncode == status
    assert "go on with it by: research resume slow" in text
    assert "Traceback" not in text
    Path("gate").touch()
    assert said("resume", "slow", "--no-parallel") == "slow: 4 done\n"
    assert values("slow") == [0, 2, 4, 6]


def test_a_detached_study_is_seen_and_stopped():
    write("slow.py", SLOW)
    assert "research stop slow" in said("run", "slow.py", "--detach", "--quiet", "-w", "2")
    (row,) = json.loads(told("ls", "--json"))
    assert row["status"] == "running"
    assert "is being run" in told("resume", "slow", status=3)
    assert said("stop", "slow") == "slow: stopped\n"
    assert json.loads(told("ls", "--json"))[0]["status"] == "stopped"


def test_jobs_are_exported_and_their_results_imported():
    pytest.importorskip("jinja2")
    write(
        "jobs.py",
        """
        from research import Domain, Research

        study = Research("jobs", Domain(x=[1, 2])).add_command(["echo", '{{"b": {x}}}'])
        """,
    )
    assert said("export", "jobs.py", "-p", "x=1,5", "--seed", 1).startswith("jobs: 2 queued\n")
    assert told("import", "jobs-batch") == "jobs: 2 queued\n"
    subprocess.run(["sh", "jobs-batch/submit.sh"], check=True, capture_output=True)
    assert said("import", "jobs-batch") == "jobs: 2 done\n"
    assert values("jobs") == [1, 5]


def test_parts_are_merged():
    Path("gate").touch()
    write("slow.py", SLOW)
    for part in (0, 1):
        given = ("-p", f"a={2 * part},{2 * part + 1}", "--name", f"part-{part}", "--seed", 1)
        told("run", "slow.py", *given, "--no-parallel", "--quiet")
    assert said("merge", "part-0", "part-1", "--into", "all") == "all: 4 done\n"
    assert values("all") == [0, 2, 4, 6]
    assert "exists" in told("merge", "part-0", "--into", "all", status=3)


def test_help_is_quick_and_colour_is_for_terminals():
    code = (
        "import sys; from research.cli.main import run_command; run_command(['--help']); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "pandas", "sqlalchemy", "research.research"} & set(done.stdout.split())
    assert "Exit status" in done.stdout


def test_no_color_is_respected():
    reader, writer = os.openpty()
    for variables, is_colored in (({}, True), ({"NO_COLOR": "1"}, False)):
        given = environment(**variables)
        if not variables:
            given.pop("NO_COLOR", None)
        subprocess.run([*COMMAND, "show", "none"], stderr=writer, env=given, check=False)
        assert (b"\x1b[" in os.read(reader, 10_000)) == is_colored
    os.close(reader)
    os.close(writer)
