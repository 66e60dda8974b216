"""Examples run, at a small size, and say at the end what they have found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_tuning_compares_searches_of_one_size(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "examples" / "tuning.py"),
            *("--generations", "1", "--seeds", "1", "--images", "160", "--workers", "2"),
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    table = done.stdout.partition("after half of 24 evaluations and after all")[2]
    assert all(title in table for title in ("random search", "Genetic", "TPE", "The best of all:", "kernel="))
    studies = sorted(path.parent.name for path in tmp_path.glob("studies/tuning/*/research.db"))
    assert studies == ["Genetic-0", "TPE-0", "random-search-0"]
