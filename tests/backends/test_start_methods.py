"""How workers are started when nobody says it."""

from __future__ import annotations

import subprocess
import sys
import types

import pytest

from research import Domain, Research
from research.backends.processes import choose_start_method


def torch(cuda_is_initialized):
    """Stand in for a library that needs a GPU to get into this state."""
    cuda = types.SimpleNamespace(is_initialized=lambda: cuda_is_initialized)
    return types.SimpleNamespace(cuda=cuda, set_num_threads=lambda n: None)


def test_fork_is_the_usual_way():
    assert choose_start_method() == ("fork", None)


def test_fork_it_is_while_cuda_is_not_initialised(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", torch(False))
    assert choose_start_method() == ("fork", None)


def test_spawn_it_is_once_cuda_is_initialised_and_the_log_says_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", torch(True))
    study = Research("study", Domain(a=[1, 2])).add_callable("f", lambda: 1, save_to="b")
    assert study.run(workers=2, bar=False).results.df["b"].tolist() == [1, 1]
    log = (tmp_path / "study" / "research.log").read_text()
    assert "workers are started by spawn: CUDA is initialised" in log


@pytest.mark.parametrize("library", ["torch", "sqlalchemy", "pandas", "sklearn", "matplotlib"])
def test_importing_the_library_imports_nothing_that_not_everyone_needs(library):
    code = f"import sys, samplers; from research import *; raise SystemExit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
