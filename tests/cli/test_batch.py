"""`batch`: scripts for batch systems, as text."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from research.cli.machines import MACHINES
from research.results.results import ResearchResults
from tests.cli.shell import shell, told, write

NOISE = """
    from research import EC, Domain, E, Research

    def measure(x, random, **others):
        return x + random.random()

    study = Research("noise", Domain(x=[0.0, 1.0, 2.0, 1.0, 3.0, 4.0]), n_reps=2)
    study.add_callable(measure, x=EC("x"), random=E().random, save_to="y")
"""
ASKED = ("--time", "90m", "--mem", "6G", "--cpus", "3", "--queue", "main", "--account", "lab", "-P", "2")
SYSTEMS = [name for name in MACHINES if name != "local"]
INDEX = {
    "slurm": "SLURM_ARRAY_TASK_ID",
    "pbs": "PBS_ARRAY_INDEX",
    "sge": "SGE_TASK_ID",
    "lsf": "LSB_JOBINDEX",
}


@pytest.fixture(autouse=True)
def noise():
    return write("noise.py", NOISE)


def batch(*arguments, status=0, file="noise.py"):
    return told("batch", file, *arguments, status=status)


def written(name="noise-shards/submit.sh"):
    return Path(name).read_text()


def directives(machine):
    """Return what a script asks of a batch system."""
    prefix = MACHINES[machine].prefix
    return [line.removeprefix(prefix).strip() for line in written().splitlines() if line.startswith(prefix)]


def words(script, **variables):
    """Return the words of the command that a script comes to, as a shell finds it."""
    lines = Path(script).read_text().replace("exec ", "exec printf '%s\\0' ").splitlines()
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split("\0")[:-1]


@pytest.mark.parametrize(
    ("machine", "asked"),
    [
        ("slurm", ["--array=0-3%2", "--time=01:30:00", "--cpus-per-task=3", "--mem=6G", "--gres=gpu:1"]),
        ("slurm", ["--partition=main", "--account=lab", "--job-name=noise", "--qos=long", "--requeue"]),
        (
            "pbs",
            ["-J 0-3%2", "-l select=1:ncpus=3:mem=6gb:ngpus=1", "-l walltime=01:30:00", "-q main", "-A lab"],
        ),
        ("sge", ["-t 1-4", "-tc 2", "-pe smp 3", "-l h_rt=01:30:00", "-l h_vmem=2G", "-l gpu=1", "-q main"]),
        ("lsf", ['-J "noise[1-4]%2"', "-n 3", "-W 01:30", "-M 6GB", '-R "rusage[mem=6GB]"', '-gpu "num=1"']),
    ],
)
def test_a_batch_system_is_asked_in_its_own_words(machine, asked):
    batch("--shards", 4, "--machine", machine, *ASKED, "--gpus", 1, "--line", "#SBATCH --qos=long")
    assert [line for line in asked if line not in directives(machine)] == []
    assert "{{" not in written()


@pytest.mark.parametrize("machine", SYSTEMS)
def test_what_is_not_asked_for_is_not_in_the_script(machine):
    batch("--shards", 4, "--machine", machine)
    found = directives(machine)
    for word in ("time", "mem", "cpu", "gpu", "main", "queue", "account", "-q", "-l", "-W", "-M", "-A", "-P"):
        assert not any(re.search(rf"(^|=|-){word}\b", line.lstrip("-")) for line in found), (word, found)
    assert "--workers" not in written()


@pytest.mark.parametrize("machine", MACHINES)
def test_scripts_are_scripts_of_a_shell(machine):
    batch("--shards", 4, "--machine", machine, *ASKED, "--gpus", 2, "--line", "export A='b c'")
    for name in ("submit", "merge"):
        subprocess.run(["bash", "-n", f"noise-shards/{name}.sh"], check=True)
        assert "export A='b c'" in written(f"noise-shards/{name}.sh")
        assert os.access(f"noise-shards/{name}.sh", os.X_OK)


@pytest.mark.parametrize("machine", SYSTEMS)
def test_tasks_are_counted_as_each_system_does(machine):
    batch("--shards", 12, "--machine", machine)
    first = MACHINES[machine].first
    for number in (0, 9, 11):
        found = words("noise-shards/submit.sh", **{INDEX[machine]: str(number + first)})
        assert found[found.index("--shard") + 1] == f"{number}/12"
        assert found[found.index("--name") + 1] == f"noise-shards/{number:02}"
        assert "--resume" in found
    done = subprocess.run(
        ["bash", "noise-shards/submit.sh"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode
    assert re.search(rf"{INDEX[machine]}: is set in arrays of .*, submit this by ", done.stderr)


def test_arguments_come_through_a_shell_as_they_are(monkeypatch):
    folder = Path("a b$HOME's")
    folder.mkdir()
    write(folder / "my noise.py", NOISE)
    monkeypatch.chdir(folder)
    value = """it's $HOME "q" `ls` \\n *"""
    batch(
        *("--shards", 2, "--machine", "slurm", "-p", f"text={value}", "-p", "x+=7.5", "--note", value),
        *("--name", "more noise", "--seed", 3, "--n-iters", 2, "-w", 2, "--retry-failed", "-o", "timeout=60"),
        file="my noise.py:study",
    )
    found = words("more noise-shards/submit.sh", SLURM_ARRAY_TASK_ID="1")
    expected = ["-m", "research", "run", "my noise.py:study", "-p", f"text={value}", "-p", "x+=7.5"]
    expected += ["--name", "more noise-shards/1", "--shard", "1/2", "--resume", "--workers", "2"]
    expected += ["--retry-failed", "--seed", "3", "--n-iters", "2", "--note", value, "-o", "timeout=60"]
    assert found[1:] == expected
    assert shlex.quote(str(Path.cwd())) in written("more noise-shards/submit.sh")
    assert words("more noise-shards/merge.sh")[3:] == [
        *("merge", "more noise-shards", "--into", "more noise", "--whole")
    ]


def test_devices_are_those_that_the_batch_system_gives():
    batch("--shards", 2, "--machine", "slurm", "--gpus", 2)
    given = words("noise-shards/submit.sh", SLURM_ARRAY_TASK_ID="0", CUDA_VISIBLE_DEVICES="2,5")
    assert given[-2:] == ["--devices", "2,5"]
    assert "--devices" not in words("noise-shards/submit.sh", SLURM_ARRAY_TASK_ID="0")


def test_it_says_what_to_do_next():
    said = batch("--shards", 4, "--machine", "slurm")
    assert said.startswith("noise: 4 shards of 12 experiments are run by noise-shards/submit.sh\n")
    for command in (
        "sbatch noise-shards/submit.sh",
        "research show noise-shards",
        "sh noise-shards/merge.sh",
        "sbatch --job-name=noise --dependency=singleton noise-shards/merge.sh",
        "research results noise",
    ):
        assert command in said
    assert "qsub -hold_jid noise noise-shards/merge.sh" in batch("--shards", 4, "--machine", "sge", "--force")


def test_what_a_machine_has_no_use_for_is_told():
    done = shell("batch", "noise.py", "--shards", 2, *ASKED, "--gpus", 1, "--line", "#SBATCH --qos=long")
    assert "the template 'local' makes no use of --time, --mem, --queue, --account\n" in done.stderr
    assert "--line '#SBATCH --qos=long' is for another batch system, and left out" in done.stderr
    assert "--workers 3" in written()


def test_scripts_that_are_there_stay_unless_forced():
    batch("--shards", 2)
    before = written()
    assert "'noise-shards/submit.sh' exists already: --force writes over it" in batch("--shards", 3, status=2)
    assert written() == before
    batch("--shards", 3, "--force")
    assert "3 shards" in written()
    batch("--shards", 3, "--script", "jobs/mine.sh", "--into", "elsewhere")
    assert Path("jobs/mine.sh").is_file()
    assert Path("elsewhere/merge.sh").is_file()
    assert "elsewhere/" in written("jobs/mine.sh")


def test_a_template_of_ones_own():
    shown = told("batch", "--show-template", "slurm")
    Path("mine.sh").write_text(shown.replace("#SBATCH --requeue\n", "#SBATCH --constraint=fast\n"))
    batch("--shards", 2, "--machine", "slurm", "--template", "mine.sh", "--time", "1h")
    assert "--constraint=fast" in directives("slurm")
    assert "--requeue" not in directives("slurm")
    assert "--time=01:00:00" in directives("slurm")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("shard=$X\n{{ array }}", r"must have a line with \{\{ command \}\}"),
        ("shard=$X\n{{ command }}", r"must say how many tasks there are"),
        ("{{ array }}\n{{ command }}", r"must set the variable `shard`"),
        ("shard={{ shard }}\n{{ array }}\n{{ command }}", r"unknown field 'shard'; did you mean 'shards'\?"),
    ],
)
def test_a_template_without_what_is_needed_is_refused(text, says):
    Path("mine.sh").write_text(text)
    assert re.search(says, batch("--shards", 2, "--template", "mine.sh", status=2))
    assert not Path("noise-shards").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--shards", "0"], r"--shards must be 1 to \d+, as 100 for so many tasks, got 0"),
        (["--shards", "-3"], r"--shards must be 1 to \d+.* got -3"),
        (["--shards", "13"], r"--shards must be at most 12, as there are 12 experiments, got 13"),
        (["--shards", "1", "--machine", "pbs"], r"--shards must be at least 2 on PBS"),
        (["--shards", "2", "--machine", "slrum"], r"there is no machine 'slrum'; did you mean 'slurm'\?"),
        (["--shards", "2", "--time", "2:00"], r"--time must be hours:minutes:seconds, .* got '2:00'"),
        (["--shards", "2", "--mem", "8"], r"--mem must be a number with a unit, as 500M or 8G, got '8'"),
        (["--shards", "2", "--queue", "a b"], r"--queue must be a name, got 'a b'"),
        (
            ["--shards", "2", "--template", "no.sh"],
            r"the template 'no.sh' does not exist; begin with: research",
        ),
        (["--shards", "2", "-p", "y=1", "-p", "xx=1"], r"-p xx: the domain has no 'xx'; did you mean 'x'"),
        (["--shards", "2", "-o", "timout=1"], r"there is no 'timout'; did you mean 'timeout'\?"),
        (
            ["--shards", "2", "--storage", "sqlite:///a.db"],
            r"--storage must be the URL of a PostgreSQL database",
        ),
        (
            ["--shards", "2", "--storage", "postgresql://a:secret@b/c"],
            r"--storage must be a URL without a password",
        ),
        (["--shards", "2", "-o", "timeout=-1"], r"`timeout` must be"),
        (["--show-template", "slrum"], r"there is no machine 'slrum'; did you mean 'slurm'\?"),
    ],
)
def test_what_is_wrong_is_named(arguments, says):
    said = batch(*arguments, status=2)
    assert re.search(says, said), said
    assert "secret" not in said
    assert not Path("noise-shards").exists()


def test_a_file_that_is_not_there_is_named():
    assert "the file 'nois.py' does not exist; did you mean 'noise.py'?" in batch(
        "--shards", 2, status=2, file="nois.py"
    )


def test_what_has_no_shards_is_refused_before_it_is_submitted():
    text = NOISE.replace("x=[0.0, 1.0, 2.0, 1.0, 3.0, 4.0]", "x=NumpySampler('normal')")
    write(
        "endless.py", text.replace("from research", "from samplers import NumpySampler\n    from research", 1)
    )
    assert "this one has no end" in batch("--shards", 2, status=2, file="endless.py")


def test_shards_are_gone_on_with_under_the_seed_that_they_have():
    batch("--shards", 2, "--seed", 9)
    for number in (0, 1):
        told(
            "run", "noise.py", "--name", f"noise-shards/{number}", "--shard", f"{number}/2", "--seed", 9, "-q"
        )
    batch("--shards", 2, "--force", "--retry-failed")
    assert "--seed 9" in written()
    assert "--seed must be 9, that of the shards in" in batch("--shards", 2, "--seed", 8, "--force", status=2)
    assert "holds shards of 2, and not of 3: give another folder" in batch("--shards", 3, "--force", status=2)


def test_shards_of_a_folder_are_looked_at_and_merged():
    assert "there is no study 'noise-shards'" in told("show", "noise-shards", status=4)
    batch("--shards", 3)
    assert words_of("show", "noise-shards") == ["shards none has begun"]
    run = ("run", "noise.py", "--no-parallel", "--seed", 9, "-q", "--name")
    for number in (2, 0):
        told(*run, f"noise-shards/{number}", "--shard", f"{number}/3")
    assert words_of("show", "noise-shards") == [
        "shards 3: 2 done, 1 not begun",
        "progress 7/12: 7 done",
        "not begun 1",
    ]
    into = ("merge", "noise-shards", "--into")
    assert "shards are missing: 1 of 3 has not begun" in told(*into, "noise", "--whole", status=3)
    assert told(*into, "some", "--whole", "--partial") == "some: 7 done\n"
    assert "is no study, it holds some" in told("results", "noise-shards", status=4)
    told(*run, "noise-shards/1", "--shard", "1/3")
    assert words_of("show", "noise-shards") == ["shards 3: 3 done", "progress 10/12: 10 done"]
    assert told(*into, "noise", "--whole") == "noise: 10 done\n"
    told(*run, "whole")
    noise, whole = ResearchResults("noise"), ResearchResults("whole")
    assert noise.df.equals(whole.df)
    assert list(noise.configs) == list(whole.configs)
    assert "--whole is about shards of one study" in told(
        "merge", "whole", "--into", "two", "--whole", status=2
    )


def test_it_is_told_where_shards_were_made_by_other_code():
    run = ("run", "noise.py", "--no-parallel", "--seed", 9, "-q", "--name")
    told(*run, "noise-shards/0", "--shard", "0/2")
    write("noise.py", NOISE.replace("x + random", "x - random"))
    told(*run, "noise-shards/1", "--shard", "1/2")
    done = shell("merge", "noise-shards", "--into", "noise", "--whole")
    assert (
        "'noise' is merged of studies of different code, 'noise-shards/1' of 'noise-shards/0'" in done.stderr
    )
    assert done.stdout == "noise: 10 done\n"


def words_of(*arguments):
    return [" ".join(line.split()) for line in told(*arguments).splitlines()]
