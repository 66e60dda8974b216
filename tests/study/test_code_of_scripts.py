"""Studies whose code is a script's own, in its place or elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from research import EC, Domain, Research
from research.errors import StudyError
from tests.study.editing import edit, statuses, write

TOLD = """
    from dataclasses import dataclass
    from functools import partial, wraps
    from research import EC, Domain, O, Research

    FACTOR = 2
    NAMES = {"b", "c", "a"}

    def helper(a): return a * FACTOR

    def noted(function):
        @wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)
        return wrapper

    @dataclass
    class Shift:
        by: int = 1

        def add(self, a):
            return helper(a) + self.by + len([name for name in NAMES])

    @noted
    def shifted(a, shift, train=None):
        return shift.add(a)

    study = Research("study", Domain(a=[1, 2, 3])).add_instance("shift", Shift, by=3)
    study.add_callable("shifted", shifted, a=EC("a"), shift=Shift(2), save_to="b")
    study.add_callable("shift.add", a=1).add_callable("small", lambda a: helper(a), a=EC("a"))
    study.add_callable("part", partial(helper), a=EC("a"))
    study.save(O("part") + 1, "c").add_generator("numbers", [1, 2, 3], when="last")
    study.run(bar=False, seed=1, n_iters=1)
"""


def run_script(*command, folder="."):
    return subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_script_that_is_loaded_elsewhere_runs_as_it_was():
    write("script.py", TOLD)
    assert not run_script("script.py").returncode
    edit("script.py", "a * FACTOR", "a * FACTOR + 1")
    edit("script.py", "FACTOR = 2", "FACTOR = 3")
    edit("script.py", "for name in", "for name in 2 *")
    Path("else").mkdir()
    load = "from research import Research; print(Research.load('../study').run(bar=False).monitor.counts)"
    done = run_script("-c", load, folder="else")
    assert done.stdout == "{'done': 3}\n", done.stderr
    assert statuses()["attempt"].tolist() == [1, 1, 1]
    edit("script.py", "study.run(", "study.run(resume=True, ")
    said = run_script("script.py").stderr
    assert "StudyError: the code of 'study' has changed since 3 of its finished experiments" in said
    for unit in ("shift", "shifted", "part", "small"):
        assert f"'{unit}' (" in said
    assert "helper in script.py:9; FACTOR" in said
    assert "'numbers'" not in said and "'save_c'" not in said


def test_to_a_script_belong_packages_beside_it():
    Path("mylib").mkdir()
    write("mylib/__init__.py", "")
    write("mylib/core.py", "def loss(x): return x\n")
    write(
        "script.py",
        "from research import *\n"
        "from mylib.core import loss\n"
        "def f(x): return loss(x)\n"
        "study = Research('study', Domain(x=[1, 2])).add_callable(f, x=EC('x'), save_to='y')\n"
        "study.run(resume=True, bar=False, seed=1)\n",
    )
    assert not run_script("script.py").returncode
    edit("mylib/core.py", "return x", "return x + 100")
    said = run_script("script.py").stderr
    assert "since 2 of its finished experiments were made: 'f' (loss in mylib/core.py:1" in said


def test_a_file_that_is_edited_while_a_study_is_at_hand_counts_as_it_was_loaded():
    write("edited.py", "def f(a): return a\n")
    load = "import edited, os; from research import EC, Domain, Research; from pathlib import Path\n"
    run = "study = Research('study', Domain(a=[1])).add_callable('f', edited.f, a=EC('a'), save_to='b')\n"
    run += "print(study.run(resume=True, bar=False).results.df['b'].tolist())"
    change = "Path('edited.py').write_text('def f(a): return 2 * a')\n"
    assert run_script("-c", load + change + run).stdout == "[1]\n"
    assert "'f' (f in edited.py:1)" in run_script("-c", load + run).stderr


def square(a):
    return a * a


@pytest.mark.parametrize("way", ["keep", "rerun"])
def test_groups_run_again_as_a_whole(way):
    def study(shared):
        described = Research("study", Domain(a=[1, 2, 3, 4]))
        described.add_callable("root", lambda: shared, root=True)
        return described.add_callable(square, a=EC("a"), save_to="b")

    study(1).run(branches=2, bar=False)
    with pytest.raises(
        StudyError, match=r"since 4 of its finished experiments were made: 'root' \(.*<lambda> in "
    ):
        study(2).run(branches=2, resume=True, bar=False)
    again = study(2).run(branches=2, resume=True, code_changed=way, bar=False)
    assert again.monitor.counts == {"done": 4}
    assert statuses()["attempt"].tolist() == [2 if way == "rerun" else 1] * 4


@pytest.mark.parametrize("value", [True, "kept", "Keep"])
def test_there_are_two_ways(value):
    study = Research("study", Domain(a=[1])).add_callable(square, a=EC("a"))
    with pytest.raises(ValueError, match=r"`code_changed` must be 'keep', 'rerun' or None, got "):
        study.run(code_changed=value, bar=False)
    assert not Path("study").exists()
