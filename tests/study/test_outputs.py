"""What units print is in the log of their experiment, whoever wrote it, and nowhere else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from research import EC, EP, Domain, Research, ResearchResults
from research.errors import StudyError, StudyNotFoundError
from tests.study.speaking import HOWS, logs, run_script, speak, spoken, study_of

PATIENCE = 60  # seconds after which a test gives up on something that does not happen


ALL_HOWS = [pytest.param(how, marks=pytest.mark.slow if how == "dask" else ()) for how in HOWS]


@pytest.fixture(params=ALL_HOWS)
def how(request):
    """Name each way to run a study in turn."""
    return HOWS[request.param]


@pytest.mark.parametrize("options", ["workers=2", "workers=2, start_method='spawn'", "parallel=False"])
def test_each_log_holds_its_own_lines_and_the_screen_nothing_but_the_bar(tmp_path, options):
    done = run_script(
        tmp_path,
        f"""
        from tests.study.speaking import speak
        from research import *

        study = Research("study", Domain(a=range(20))).add_callable(speak, a=EC("a"))
        study.run({options})
        """,
    )
    assert done.stdout == b""
    shown = done.stderr.decode().replace("\r", "\n").splitlines()
    assert [line for line in shown if line and not re.match(r"study: +\d+%\|.*\|.*\] *$", line)] == []
    results = ResearchResults(tmp_path / "study")
    for stream in ("stdout", "stderr", None):
        assert logs(results, stream) == {a: spoken(a, stream) for a in range(20)}
    whole = (tmp_path / "study" / "stdout.txt").read_text()
    assert sorted(whole.splitlines()) == sorted("".join(logs(results, "stdout").values()).splitlines())


def test_without_a_folder_the_logs_are_in_memory(how, capfd):
    study = study_of(speak).run(dump_results=False, bar=False, **how)
    assert logs(study) == {a: spoken(a) for a in range(6)}
    assert logs(study, "stderr") == {a: spoken(a, "stderr") for a in range(6)}
    assert capfd.readouterr() == ("", "")
    assert not os.listdir()


@pytest.mark.parametrize("parallel", [True, False], ids=["processes", "inline"])
@pytest.mark.parametrize("mode", [0, 1, 2, 3, True, False])
def test_the_mode_says_where_it_goes(mode, parallel, capfd):
    study = study_of(speak, 2).run(redirect_stdout=mode, redirect_stderr=2, bar=False, parallel=parallel)
    mode = 3 if mode is True else int(mode)
    out, err = capfd.readouterr()
    files = sorted(str(path.relative_to("study")) for path in Path("study").rglob("std*.txt"))
    own = {f"experiments/{id_}/std{name}.txt" for id_ in study.results.configs for name in ("out", "err")}
    assert {name for name in files if name.endswith("stderr.txt")} == {n for n in own if "stderr" in n}
    assert ("stdout.txt" in files) == (mode in (1, 3))
    assert (own <= set(files)) == (mode in (2, 3))
    assert sorted(out.splitlines()) == (
        [] if mode else sorted("".join(spoken(a, "stdout") for a in range(2)).splitlines())
    )
    assert err == ""
    assert logs(study, "stderr") == {a: spoken(a, "stderr") for a in range(2)}
    assert logs(study) == {a: spoken(a, None if mode in (2, 3) else "stderr") for a in range(2)}
    if mode not in (2, 3):
        with pytest.raises(ValueError, match=rf"kept no stdout of its exp.* redirect_stdout={mode}: 2"):
            logs(study, "stdout")


def test_a_study_that_kept_nothing_says_so():
    study = study_of(speak, 1).run(redirect_stdout=1, redirect_stderr=0, bar=False)
    with pytest.raises(
        ValueError, match=r"no stdout and no stderr .*redirect_stdout=1 and redirect_stderr=0"
    ):
        logs(study)


def test_what_prints_nothing_leaves_nothing():
    study = study_of(lambda a: a).run(bar=False)
    assert not {"experiments", "stdout.txt", "stderr.txt"} & set(os.listdir("study"))
    assert logs(study) == dict.fromkeys(range(6), "")


def test_an_experiment_that_is_not_there_and_a_stream_that_does_not_exist():
    study = study_of(speak, 1).run(bar=False)
    (id_,) = study.results.configs
    with pytest.raises(ValueError, match=f"no experiment '{id_[:-1]}0*'; did you mean '{id_}'"):
        study.results.log(id_[:-1])
    with pytest.raises(ValueError, match=r"`stream`.*'stdrr'; did you mean 'stderr'"):
        study.results.log(id_, "stdrr")


@pytest.mark.parametrize("name", ALL_HOWS)
def test_branches_one_after_another(name):
    study = study_of(speak, 7).run(bar=False, branches=3, executor_target="for", **HOWS[name])
    assert logs(study) == {a: spoken(a) for a in range(7)}


def test_branches_in_threads_are_told_apart_where_python_prints(how):
    def talk(a):
        import subprocess

        for n in range(50):
            print("python", a, n)
        subprocess.run(["echo", f"process {a}"], check=True)

    study = study_of(talk).run(bar=False, branches=3, **how)
    for a, log in logs(study, "stdout").items():
        lines = log.splitlines()
        assert [line for line in lines if "python" in line] == [f"python {a} {n}" for n in range(50)]
        assert f"process {a}" in lines
        assert {line for line in lines if "process" in line} <= {
            f"process {a // 3 * 3 + n}" for n in range(3)
        }
    whole = Path("study/stdout.txt").read_text().splitlines()
    assert sorted(line for line in whole if "process" in line) == [f"process {a}" for a in range(6)]


@pytest.mark.parametrize("target", ["for", "threads"])
def test_what_a_root_prints_goes_to_every_branch_that_it_runs_for(target, how):
    described = Research("study", Domain(a=range(4)))
    described.add_instance("shared", lambda: print("made"), root=True)
    described.add_callable("root", lambda: print("root"), root=True)
    described.add_callable("own", lambda a: print("own", a), a=EC("a"))
    study = described.run(bar=False, branches=2, executor_target=target, **how)
    logged = {a: log.splitlines() for a, log in logs(study).items()}
    if target == "for":
        assert logged == {a: ["made", "root", f"own {a}"] for a in range(4)}
    assert {a: sorted(lines) for a, lines in logged.items()} == {
        a: sorted(["made", "root", f"own {a}"]) for a in range(4)
    }
    whole = Path("study/stdout.txt").read_text().splitlines()
    assert sorted(whole) == sorted(["made", "root"] * 2 + [f"own {a}" for a in range(4)])


def test_the_last_line_of_one_that_is_left_alone_in_a_thread_is_its_own(how):
    described = Research("study", Domain(a=range(4)))
    described.add_callable("root", lambda: print("root"), root=True)
    described.add_instance("own", lambda a: print("own", a, end=""), a=EC("a"))
    study = described.run(bar=False, branches=3, executor_target="threads", **how | {"workers": 1})
    assert logs(study)[3] == "own 3root\n"


@pytest.mark.parametrize("options", ["workers=2", "parallel=False", "start_method='spawn'"])
def test_warnings_and_logging_go_to_stderr_even_by_handlers_that_were_there(tmp_path, options):
    done = run_script(
        tmp_path,
        f"""
        import logging, sys, warnings
        from research import *

        def complain(a):
            import logging, sys, warnings
            warnings.warn(f"warning {{a}}")
            logging.getLogger("mine").error("record %d", a)
            sys.stderr.write(f"written {{a}}")

        logging.basicConfig(format="%(message)s")
        study = Research("study", Domain(a=range(2))).add_callable(complain, a=EC("a"))
        study.run(bar=False, {options})
        logging.getLogger("mine").error("after")
        """,
    )
    assert done.stdout == b""
    shown = done.stderr.decode().splitlines()
    assert [line for line in shown if not line.startswith("study 'study'")] == ["after"]
    for a, log in logs(ResearchResults(tmp_path / "study"), "stderr").items():
        lines = log.splitlines()
        assert lines[0].endswith(f"UserWarning: warning {a}")
        assert lines[-2:] == [f"record {a}", f"written {a}"]


def test_much_is_kept_whole(how):
    n_lines = 2_500_000

    def shout(a):
        import subprocess

        if a == 1:
            print("\n".join(f"{n:019d}" for n in range(n_lines)))
            subprocess.run("head -c 10000000 /dev/zero | tr '\\0' x", shell=True, check=True)
        else:
            print("little")

    study = study_of(shout, 3).run(bar=False, **how)
    path = Path(
        f"study/experiments/{next(i for i, c in study.results.configs.items() if c['a'] == 1)}/stdout.txt"
    )
    data = path.read_bytes()
    assert len(data) == 20 * n_lines + 10_000_000
    assert data[: 20 * n_lines] == ("\n".join(f"{n:019d}" for n in range(n_lines)) + "\n").encode()
    assert set(data[20 * n_lines :]) == set(b"x")
    assert logs(study)[0] == logs(study)[2] == "little\n"


def test_bytes_that_are_no_text_are_kept(how):
    def write(a):
        import os
        import sys

        os.write(1, b"\xff\xfe|")
        sys.stdout.buffer.write(b"\x80|")
        print("\udcff ü ✓")

    for options in ({}, {"dump_results": False}):
        study = study_of(write, 2).run(bar=False, **how, **options)
        assert logs(study) == dict.fromkeys(range(2), "\\xff\\xfe|\\x80|\\udcff ü ✓\n")
    assert next(Path("study/experiments").glob("*/stdout.txt")).read_bytes().startswith(b"\xff\xfe|\x80|")


@pytest.mark.parametrize("branches", [1, 2])
def test_a_unit_that_closes_or_replaces_a_stream_breaks_no_other(how, branches):
    def break_it(a):
        import io
        import os
        import sys

        print("before", a)
        if a == 1:
            sys.stdout = io.StringIO()
        elif a == 3:
            sys.stdout.close()
        elif a == 5:
            os.close(1)
        elif a == 7:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        elif a == 9:
            del sys.stdout

    study = study_of(break_it, 12).run(bar=False, branches=branches, executor_target="for", **how)
    even = {a: text for a, text in logs(study, "stdout").items() if branches == 1 or a % 2 == 0}
    assert even == {a: f"before {a}\n" for a in even}


def test_partial_lines_are_in_order(how):
    def write(a):
        print("one", end=" ")
        print("two", end="\r")
        print(a, end="")

    assert logs(study_of(write, 3).run(bar=False, **how)) == {a: f"one two\r{a}" for a in range(3)}


@pytest.mark.parametrize("dump_results", [True, False])
def test_a_log_can_be_read_while_its_experiment_runs(dump_results):
    def wait(a):
        from pathlib import Path
        from time import sleep

        print("waiting for", a)
        while not Path(f"go{a}").exists():
            sleep(0.01)
        print("goes")

    study = study_of(wait, 2)
    seen = []

    class Reader:
        """A bar that reads as soon as experiments tell that they run."""

        def __init__(self, **kwargs):
            self.total = 2

        def update(self, n):
            results = study.results
            for id_, config in results.configs.items():
                a = config["a"]
                if results.log(id_) == f"waiting for {a}\n" and not Path(f"go{a}").exists():
                    seen.append(a)
                    Path(f"go{a}").touch()

        set_description = refresh = close = lambda self, *args, **kwargs: None

    study.run(bar=Reader, workers=2, n_iters=1, dump_results=dump_results)
    assert sorted(seen) == [0, 1]
    assert logs(study) == {a: f"waiting for {a}\ngoes\n" for a in range(2)}


def test_another_process_reads_logs_while_the_study_runs(tmp_path):
    code = """
        import time
        from pathlib import Path
        from research import *

        def wait():
            print("waiting")
            while not Path("go").exists():
                time.sleep(0.01)

        Research("study").add_callable(wait).run(bar=False)
    """
    (tmp_path / "script.py").write_text(textwrap.dedent(code))
    process = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path)
    deadline = time.monotonic() + PATIENCE
    log = ""
    while not log and time.monotonic() < deadline:
        time.sleep(0.01)
        try:
            results = ResearchResults(tmp_path / "study")
            log = "".join(map(results.log, results.configs))
        except StudyNotFoundError:
            continue
    (tmp_path / "go").touch()
    assert process.wait(PATIENCE) == 0
    assert log == "waiting\n"


def test_files_of_units_are_listed_without_what_they_printed():
    def write(folder):
        (folder / "note.txt").write_text("note")
        (folder / "stdout.txt").open("a").close()
        print("printed")

    def run(name, mode):
        study = Research(name).add_callable(write, folder=EP()).run(bar=False, redirect_stdout=mode)
        return study.results.artifacts_to_df()["name"].tolist()

    assert run("captured", True) == ["note.txt"]
    assert run("not", 0) == ["note.txt", "stdout.txt"]


def test_a_log_that_cannot_be_written_ends_the_study():
    def occupy(folder):
        (folder / "stdout.txt").mkdir()
        print("no room")

    with pytest.raises(StudyError, match=r"stdout\.txt' cannot be written: IsADirectoryError"):
        Research("study").add_callable(occupy, folder=EP()).run(bar=False)


def test_domains_that_replace_one_another_are_logged_alike():
    study = study_of(speak, 2)
    study.update_domain(
        lambda: Domain(a=[7]) if not Path("asked").exists() and not Path("asked").touch() else None
    )
    study.run(bar=False, workers=2)
    assert logs(study) == {a: spoken(a) for a in (0, 1, 7)}
