"""What users have written arrives elsewhere as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import dill
import pytest
from dill import detect

from research.experiment import pickling

SCRIPT = """
import math
import sys
from functools import partial

from sklearn.model_selection import cross_val_score, train_test_split

from research import EC, Domain, Research

LIMIT = 10
TABLE = {"seen": []}


class Model:
    scale = 2

    def score(self, x):
        TABLE["seen"].append(x)
        return helper(x) * self.scale


def helper(x):
    return x if x > LIMIT else other(x + 3)


def other(x):  # and the two call each other
    return helper(x)


def fit(x):
    assert cross_val_score and train_test_split
    class Inner:
        limit = LIMIT
    shifted = [math.floor(Model().score(x)) + (lambda y: y - Inner.limit)(0) for _ in range(1)]
    return shifted[0] + len(TABLE["seen"])


if __name__ == "__main__":
    study = Research("study", Domain(x=[1, 2, 30])).add_callable(fit, x=EC("x"), save_to="y")
    study.run(bar=False, start_method=sys.argv[1])
    print(study.results.df["y"].tolist(), study.monitor.counts)
"""


def run(*arguments, script="script.py"):
    root = Path(__file__).parents[2]
    environment = {"PYTHONPATH": str(root), "PATH": ""}
    command = [sys.executable, script, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)


@pytest.mark.parametrize("start_method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_functions_of_scripts_that_name_large_libraries(start_method):
    Path("script.py").write_text(SCRIPT)
    done = run(start_method)
    assert done.stdout.splitlines()[0].endswith("{'done': 3}")
    assert "definition was not saved" not in Path("study/research.log").read_text()
    loading = "from research import Research; s = Research.load('study'); s.run('again', bar=False)"
    Path("load.py").write_text(loading + "; print(s.results.df['y'].tolist())")
    again = run(script="load.py")
    assert json.loads(again.stdout) == json.loads(done.stdout.split("]")[0] + "]")


def test_dill_is_left_as_it_was():
    usual = detect.globalvars
    assert dill.loads(pickling.dumps(lambda x: x + 1))(1) == 2
    assert detect.globalvars is usual
    with pytest.raises(TypeError):
        pickling.dumps(value for value in "abc")
    assert detect.globalvars is usual
