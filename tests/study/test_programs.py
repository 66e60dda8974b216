"""External programs as units: what they are told, what is read of them, and that they end."""

from __future__ import annotations

import io
import json
import os
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from research import EC, Alias, Domain, Experiment, O, Research
from tests.study.commanding import HOWS, ROOT, run, script

AWKWARD = [
    "",
    "a b",
    "$(touch hacked)",
    "`touch hacked`; touch hacked",
    'it\'s "so"',
    "two\nlines\n",
    "-x",
    "é*?{}",
]


@pytest.mark.parametrize(
    "how", [pytest.param(how, marks=pytest.mark.slow if how == "dask" else ()) for how in HOWS]
)
def test_each_program_gets_its_config_and_its_results_are_its_own(how):
    program = script(
        """
        print("begun", sys.argv[1])
        print("warned", file=sys.stderr)
        print(json.dumps({"text": sys.argv[1], "double": 2 * float(sys.argv[2]), "folder": sys.argv[3]}))
        """
    )
    study = Research("study", Domain(a=[1.5, 2e-7, 3]) * Domain({"m/t": AWKWARD[:4]}))
    study.add_command(program + " {m/t} {a} {folder}").save(O("command")["double"], "d")
    study.run(bar=False, **HOWS[how])
    table = study.results.df
    assert table["text"].tolist() == table["m/t"].tolist()
    assert (table["double"] == 2 * table["a"]).all()
    assert (table["d"] == table["double"]).all()
    assert [Path(path).name for path in table["folder"]] == table["id"].tolist()
    first = table["id"][5]
    assert study.results.log(first, "stdout").startswith(f"begun {table['m/t'][5]}\n")
    assert study.results.log(first, "stderr") == "warned\n"
    assert not Path("hacked").exists()


@pytest.mark.parametrize("shell", [False, True])
@pytest.mark.parametrize("form", ["{t}", "'{t}'", '"{t}"', 'x"{t}"y'])
def test_values_arrive_as_they_are(form, shell):
    program = script("print(json.dumps({'t': sys.argv[1:]}))")
    for value in AWKWARD:
        expected = f"x{value}y" if form.startswith("x") else value
        assert run(
            f"{program} {form}", {"v": 1, "t": value} if shell else {"t": value}, shell=shell, save_to="o"
        )["o"][0] == {"t": [expected]}
    assert not Path("hacked").exists()


def test_a_shell_has_its_pipes_and_variables_and_doubled_braces():
    found = run(
        'echo "{x}" | tr a-z A-Z | (read y; echo \\"$y${{HOME:+z}}\\")', {"x": "abc"}, shell=True, save_to="y"
    )
    assert found == {"y": {0: "ABCz"}}


def test_placeholders_that_the_study_knows():
    names = ["id", "iteration", "repetition", "folder", "random_seed", "python", "device"]
    words = ["echo", '{{"all": [' + ", ".join(f'"{{{name}}}"' for name in names) + ', {a:.2f}, "{g}"]}}']
    study = Research("study", Domain(a=[1 / 3]) * Domain({"g/x": [1], "g/y": [(1, None)]}), n_reps=2)
    study.add_command("echo {config}", save_to="whole")
    study.add_command(["cat", "{config_file}"], lambda done: json.loads(done.stdout), save_to="told")
    study.add_command([word.replace('"{g}"', "{g}") for word in words], when=1)
    study.run(bar=False, parallel=False, seed=1)
    table = study.results.df
    for row in table.itertuples():
        id_, iteration, _, folder, seed, python, device, a, g = row.all
        assert (id_, iteration, python, device) == (row.id, "0", sys.executable, "None")
        assert folder == os.path.abspath(f"study/experiments/{row.id}")
        assert 0 <= int(seed) < 2**31
        assert (a, g) == (0.33, {"x": 1, "y": [1, None]})
        assert row.whole == row.told == {"a": 1 / 3, "g": {"x": 1, "y": [1, None]}}
    assert {row[2] for row in table["all"]} == {"0", "1"}
    assert len({row[4] for row in table["all"]}) == 2
    again = Research("again", study.domain, study.experiment, n_reps=2).run(bar=False, workers=2, seed=1)
    assert {row[4] for row in again.results.df["all"]} == {row[4] for row in table["all"]}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("train --lr {lt}", r"placeholder 'lt', and no config has.*known: .*'lr'"),
        ("train --lr {folder}", r"'folder', which is a parameter, and also"),
    ],
)
def test_a_placeholder_that_means_nothing_or_two_things_is_refused_before_anything_runs(command, said):
    study = Research("study", Domain(lr=[1]) * Domain(folder=["x"])).add_command(command)
    with pytest.raises(ValueError, match=said):
        study.run(bar=False)
    assert not Path("study").exists()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"command": "train '{lr}"}, "cannot be split into words: No closing quotation"),
        ({"command": "train {lr"}, "expected '}'.*written twice"),
        ({"command": "train {}"}, "placeholder without a name"),
        ({"command": "train {a!r}"}, "more than a format"),
        ({"command": "  "}, "is empty"),
        ({"command": []}, "is empty"),
        ({"command": 3}, "must be a str or a list of str, got 3"),
        ({"command": ["x"], "shell": True}, "takes a command as text"),
        ({"command": "x", "parse": 3}, "`parse` must be the path"),
        ({"command": "x", "timeout": 0}, "`timeout` must be a positive"),
        ({"command": "x", "env": {"RESEARCH_REPORT": "x"}}, "`env` must not set 'RESEARCH_REPORT'"),
        ({"command": "x", "env": {"X": 1}}, "`env` must be a dict of str to str, got 'X': 1"),
        ({"command": "x", "cwd": "{"}, "`cwd` of the unit 'command' cannot be read"),
    ],
)
def test_what_means_nothing_is_refused_at_once(how, said):
    with pytest.raises((ValueError, TypeError), match=said):
        Experiment().add_command(**how)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print('on the way'); sys.exit(3)", r"ended with exit code 3; the end of its output:\non the way$"),
        ("os.kill(os.getpid(), 9)", r"ended with signal 9 \(SIGKILL\); it has printed nothing"),
        ("1 / 0", r"exit code 1; the end of its output:\n(.*\n)*ZeroDivisionError"),
        ("pass", "ended in order, but it has given no result: it has printed nothing, and reported nothing"),
        ("print('done!')", "its last line is no JSON, 'done!': .*\ndone!"),
        ("print('[' * 100_000)", "its last line is no JSON.*nested too deeply"),
        ("print([1, 2])", r"the result of the unit 'command' is \[1, 2\]: a dict is saved item by item"),
        ("print(json.dumps({'x': 5}))", "must not be named 'x': that is a parameter"),
        (
            "open(os.environ['RESEARCH_REPORT'], 'w').write('{')",
            "reported what cannot be saved: a report is no JSON",
        ),
        (
            "open(os.environ['RESEARCH_REPORT'], 'w').write('3\\n'); time.sleep(100)",
            "a report must be .*, got 3",
        ),
    ],
)
def test_a_program_that_goes_wrong_says_how(code, said):
    with pytest.raises(Exception, match=said):
        run(script(code), {"x": 1})


def test_values_that_are_no_text_are_json_or_go_by_their_alias():
    values = {"f": Alias(max, "the max"), "a": np.arange(2), "n": np.float32(0.5), "p": Path("x"), "b": True}
    command = ["printf", "%s;", *(f"{{{name}}}" for name in values)]
    found = run(command, values, parse=lambda done: done.stdout, save_to="o")
    assert found["o"][0] == "the max;[0, 1];0.5;x;True;"


def test_very_much_output_is_kept_and_printed(capfd):
    program = script("for n in range(200): print('x' * 99_999)\nprint(json.dumps({'y': 1}))")
    assert run(program) == {"y": {0: 1}}
    assert len(capfd.readouterr().out) == 20_000_000 + len('{"y": 1}\n')


def test_a_stream_that_takes_text_only_gets_text(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    program = script("os.write(1, b'caf\\xc3'); time.sleep(0.05); os.write(1, b'\\xa9 \\xff\\n{}')")
    assert run(program) == {}
    assert stream.getvalue() == "caf\xe9 \\xff\n{}"


def test_what_a_study_is_shows_its_commands():
    study = Research("study", Domain(a=[1])).add_command("echo {a}")
    study.add_command(["echo", "a b"], name="other")
    assert "command command = 'echo {a}', when=1" in str(study)
    assert "command other = \"echo 'a b'\", when=1" in str(study)


def test_what_cannot_be_started_or_told_is_said():
    with pytest.raises(Exception, match=r"'nosuchprogram' cannot be started: .*no program of "):
        run("nosuchprogram")
    with pytest.raises(Exception, match="there is no folder 'nowhere'"):
        run("echo", cwd="nowhere")
    with pytest.raises(Exception, match="no program can take a NUL"):
        run("echo {x}", {"x": "a\0b"})
    with pytest.raises(Exception, match="'x' cannot be told to a program: set"):
        run("echo {x}", {"x": {1}})
    with pytest.raises(Exception, match=r"'abc' cannot be shown as '{x:\.2f}'"):
        run("echo {x:.2f}", {"x": "abc"})


def test_nothing_else_suffers_from_programs_that_go_wrong():
    program = script(
        "n = int(sys.argv[1])\nprint(n)\nif n % 3 == 0: sys.exit(n + 1)\nif n % 3 == 1: print('?')"
    )
    study = Research("study", Domain(n=range(9))).add_command(program + " {n}", save_to="m")
    study.run(bar=False, workers=2)
    assert study.monitor.counts == {"done": 3, "failed": 6}
    table = study.results.statuses_to_df()
    assert table["error"].dropna().str.contains("exit code|no JSON").all()
    assert study.results.df["m"].tolist() == [2, 5, 8]


def test_results_come_from_files_functions_or_nowhere():
    program = script("json.dump({'y': 1}, open(sys.argv[1], 'w')); print('loss: 0.25')")
    study = Research("study", Domain(a=[1, 2]))
    study.add_command(program + " {folder}/{a}.json", parse="{a}.json")
    study.add_command(
        program + " {folder}/other",
        lambda done: float(done.stdout.split()[-1]),
        name="of_text",
        save_to="loss",
    )
    study.add_command("true", parse=False)
    study.run(bar=False, workers=1)
    assert study.results.df[["y", "loss"]].to_numpy().tolist() == [[1, 0.25]] * 2
    with pytest.raises(Exception, match=r"has not written '.*old\.json', which is older"):
        Path("old.json").write_text("{}")
        run("true", parse="old.json")
    with pytest.raises(Exception, match=r"has written no result to '.*new\.json': No such file"):
        run("true", parse="new.json")


def test_a_program_reports_iteration_by_iteration():
    Path("train.py").write_text(
        textwrap.dedent(
            """
            import sys, numpy
            from research import report
            for epoch in range(int(sys.argv[1])):
                report({"loss": numpy.float32(1 / (epoch + 1)), "sizes": numpy.arange(2)}, iteration=epoch)
            report({"final": True})
            """
        )
    )
    study = Research("study", Domain(n=[3, 1]))
    study.add_command("{python} train.py {n}", env={"PYTHONPATH": ROOT})
    study.save(O("command"), "last").run(bar=False, workers=2)
    found = list(study.results.results.values())
    assert found[0]["loss"] == {0: 1.0, 1: 0.5, 2: pytest.approx(1 / 3)}
    assert found[0]["sizes"][2] == [0, 1]
    assert [item["final"] for item in found] == [{0: True}] * 2
    assert found[1]["last"] == {0: {"loss": 1.0, "sizes": [0, 1], "final": True}}
    assert study.results.artifacts_to_df().empty


@pytest.mark.parametrize(
    ("last", "text"),
    [
        ({"values": {"x": 9}}, "'x' was reported for iteration 1, then for none"),
        ({"values": {"x": 9}, "iterations": 5}, "got 'iterations'; did you mean 'iteration'"),
    ],
)
def test_a_report_never_takes_the_place_of_another_unasked(last, text):
    program = script(
        f"""
        with open(os.environ["RESEARCH_REPORT"], "a") as file:
            for step in range(2):
                print(json.dumps({{"iteration": step, "values": {{"x": step}}}}), file=file)
            print(json.dumps({last}), file=file)
        """
    )
    study = Research("study").add_command(program).run(bar=False, parallel=False)
    assert study.monitor.counts == {"failed": 1}
    assert text in str(study.monitor.exceptions[0]["exception"])


def test_what_is_reported_is_there_while_the_program_runs():
    program = script(
        """
        with open(os.environ["RESEARCH_REPORT"], "a") as file:
            for step in range(2):
                print(json.dumps({"iteration": step, "values": {"x": step}}), file=file, flush=True)
                while step and not os.path.exists("go"):
                    time.sleep(0.01)
        """
    )
    study = Research("study").add_command(program).run(bar=False, detach=True)
    until = time.monotonic() + 30
    while len(study.results.df) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert not study.is_finished
    Path("go").touch()
    study.wait()
    assert study.results.df["x"].tolist() == [0, 1]


def test_two_hundred_programs_give_two_hundred_results():
    study = Research("study", Domain(a=range(200))).add_command(["echo", '{{"b": {a}}}'])
    study.run(bar=False, workers=2)
    assert study.results.df["b"].tolist() == list(range(200))


def test_another_command_is_other_code():
    study = Research("study", Domain(a=[1])).add_command(["echo", "1"], save_to="x").run(bar=False, workers=1)
    other = Research("study", Domain(a=[1, 2])).add_command(["echo", "2"], save_to="x")
    with pytest.raises(Exception, match="code_changed"):
        other.run(bar=False, resume=True)
    study.run(bar=False, resume=True)


def test_a_program_is_measured_like_any_unit():
    study = Research("study")
    study.add_command(["echo", "1"], save_to="x").add_callable("f", abs, args=[EC("repetition")])
    study.run(bar=False, parallel=False, profile=1)
    assert "command" in study.profiler.profile_info.index
