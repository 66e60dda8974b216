"""Examples run, at a small size, and say at the end what they have found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import joblib
import pytest

ROOT = Path(__file__).parent.parent


def run(name, folder, *arguments):
    """Run an example in a folder; return what it prints."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{name}.py"), *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.stdout


@pytest.mark.slow
def test_tuning_compares_searches_of_one_size(tmp_path):
    said = run(
        "tuning", tmp_path, *("--generations", "1", "--seeds", "1", "--images", "160", "--workers", "2")
    )
    table = said.partition("after half of 24 evaluations and after all")[2]
    assert all(title in table for title in ("random search", "Genetic", "TPE", "The best of all:", "kernel="))
    studies = sorted(path.parent.name for path in tmp_path.glob("studies/tuning/*/research.db"))
    assert studies == ["Genetic-0", "TPE-0", "random-search-0"]


@pytest.mark.slow
def test_the_same_script_runs_on_cores_and_on_clusters(tmp_path):
    said = {}
    for backend in ("processes", "dask", "ray"):
        folder = tmp_path / backend
        folder.mkdir()
        said[backend] = run("cluster", folder, "--backend", backend, "--stages", "3", "--repetitions", "2")
        (model, *more) = folder.glob("studies/cluster/experiments/*/model.joblib")
        assert joblib.load(model).n_estimators == 3
        assert len(more) == 11
    assert said["dask"] == said["ray"] == said["processes"]
    assert "12 models, such as studies/cluster/experiments/" in said["dask"]
