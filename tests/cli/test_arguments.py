"""What makes no sense is told in one line, with a status that scripts can use."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from click.testing import CliRunner

from research import EC, Domain, Research
from research.cli.main import cli, run_command
from research.errors import StudyExistsError
from tests.cli.shell import COMMAND, environment, said, told, write

TWO = """
    from research import EC, Domain, Research

    def f(a):
        return a

    def g(a, b):
        return a

    first = Research("first", Domain(a=[1, 2])).add_callable(f, a=EC("a"), save_to="x")
    second = Research("second", Domain(a=[1, 2])).add_callable(f, a=EC("a"), save_to="x")
    again = first
"""
FUNCTIONS = "".join(line for line in TWO.splitlines(True) if "Research" not in line and "again" not in line)


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arguments") / "study"
    study = Research(folder, Domain(a=[1, 2], name=["x"])).add_callable(
        "f", abs, args=[EC("a")], save_to="loss"
    )
    study.run(parallel=False, bar=False)
    return folder


@pytest.fixture
def study(studied):
    shutil.copytree(studied, "study")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("shwo study", 2, "No such command 'shwo'"),
        ("results study --formt csv", 2, "'--format'"),
        ("show studdy", 4, "there is no study 'studdy'; did you mean 'study'?"),
        ("show study --best los", 2, "there is no variable 'los'; did you mean 'loss'?"),
        (
            "results study --select id,lss",
            2,
            "no experiment has a parameter or variable 'lss'; did you mean 'loss'?",
        ),
        ("results study --order-by -lss", 2, "did you mean 'loss'?"),
        (
            "results study --where nmae=x",
            2,
            "no experiment has a parameter or variable 'nmae'; did you mean 'name'?",
        ),
        ("results study --where loss", 2, "loss is compared with nothing"),
        ("results study --where loss>>1", 2, "On the command line: --where"),
        ("results study --best lss", 2, "did you mean 'loss'?"),
        ("results study --best name", 2, "'name' has no numbers"),
        ("results study --mode min", 2, "--best"),
        ("results study --iterations --where lss>1", 2, "there is no column 'lss'; did you mean 'loss'?"),
        ("results study --format sqlite", 2, "--output FILE"),
        ("log study 00000", 4, "there is no experiment '00000'"),
        ("log study --stderr", 2, "give its ID"),
        ("resume study -o timout=3", 2, "did you mean 'timeout'?"),
        ("resume study -o timeout=x", 2, "On the command line: --option timeout=…"),
        ("resume study --devices 0,,1", 2, "--devices must be numbers or names"),
        ("resume study --seed 5", 2, "seed"),
        ("merge study --into study", 3, "On the command line: --into"),
        ("import study", 4, "there is no batch"),
        ("import study --files conf.json", 2, "--into NAME"),
        ("import study --trusted", 2, "--files PATTERN"),
        ("import study --keep a,b", 2, "--keep is of results of other programs"),
        ("import study --files conf.json --into new", 2, "no file below 'study' fits"),
        ("run study", 2, "gone on with by: research resume study"),
        ("run tow.py", 2, "did you mean 'two.py'?"),
        ("run two.py", 2, "holds 2 studies: say which, two.py:first or two.py:second"),
        ("run two.py:frist", 2, "did you mean 'first'?"),
        ("run functions.py", 2, "holds no Research, but 2 functions: say functions.py:f or functions.py:g"),
        ("run calling.py", 2, "holds no Research, but the function 'main': say calling.py:main"),
        ("run calling.py:main", 2, "main() of calling.py has run no study, and returns 5 and no Research"),
        ("run domains.py", 2, "holds 2 domains, one, two: call the one to run `domain`"),
        ("run params.py", 2, "get_params() of params.py raised"),
        ("run functions.py:f", 2, "holds no Domain to sweep a function over"),
        ("run functions.py:g -p a=1", 2, "g() needs 'b', which is no parameter"),
        ("run two.py:first -p b", 2, "write b=VALUE"),
        ("run empty.py", 2, "holds no study"),
        ("run syntax.py", 2, "syntax.py, line 1"),
        ("run raising.py", 2, "ZeroDivisionError"),
        ("run leaving.py", 2, "SystemExit: 3"),
        ("run running.py", 2, "`workers` must be a positive int"),
    ],
)
def test_what_is_wrong(arguments, status, message, study):
    write("two.py", TWO)
    write("functions.py", FUNCTIONS)
    write("empty.py", "x = 1")
    write("calling.py", "def main(): return 5")
    write("domains.py", "from research import *\ndef f(a): ...\none, two = Domain(a=[1]), Domain(a=[2])")
    write("params.py", "def f(a): ...\ndef get_params(): 1 / 0")
    write("syntax.py", "def f(:")
    write("raising.py", "1 / 0")
    write("leaving.py", "raise SystemExit(3)")
    write(
        "running.py",
        "from research import *\n\nstudy = Research('new')\nif True:\n    study.run(workers=0)\n",
    )
    done = CliRunner().invoke(cli, arguments.split())
    assert done.exit_code == status, done.output
    assert message in done.output
    assert "research/cli" not in done.output


@pytest.mark.parametrize("name", cli.commands)
def test_help_has_examples(name):
    done = CliRunner().invoke(cli, [name, "--help"])
    assert done.exit_code == 0
    assert f"research {name}" in done.output.partition("Example")[2]


def test_a_part_of_an_id_is_enough_if_it_is_of_one(study):
    ids = [row.split(",")[0] for row in told("results", "study", "--format", "csv").splitlines()[1:]]
    assert told("log", "study", ids[0][:8]) == ""
    assert "2 experiments begin with ''" in told("log", "study", "", status=2)


def test_a_missing_value_is_equal_to_nothing_and_different_from_everything(study):
    write("two.py", TWO)
    told("run", "two.py:first", "--no-parallel", "--quiet")
    told("run", "two.py:first", "-p", "b=1,None", "--resume", "--no-parallel", "--quiet")

    def kept(condition):
        table = told("results", "first", "--where", condition, "--select", "a,b", "--format", "csv")
        return table.split()[1:]

    assert len(kept("b=1")) == len(kept("b>0")) == 2
    assert len(kept("b!=1")) == len(kept("b is null")) == 4
    assert kept("b!=1 and b is not null") == []


def test_an_error_is_raised_where_its_traceback_is_asked_for(study):
    with pytest.raises(StudyExistsError):
        run_command(["--traceback", "merge", "study", "--into", "study"])


def test_a_closed_stdout_leads_nowhere(study):
    command = " ".join(COMMAND)
    done = subprocess.run(
        f"{command} ls >&-", shell=True, capture_output=True, env=environment(), check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_names_of_any_kind_are_studies(study):
    shutil.move("study", "it's a\nstudy")
    assert "loss" in said("results", "it's a\nstudy")
    (line,) = told("ls").splitlines()[1:]
    assert line.startswith("it's a\\nstudy")
