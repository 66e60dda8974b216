"""What is left of a study of files whose process was killed while it read them."""

from __future__ import annotations

import json
import subprocess
import sys

from research import ResearchResults

KILLED = """
import os, sys
from research import ResearchResults
from research.results import foreign
from research.storage.sql import SqlStore

foreign._AT_ONCE = 2
write, calls = SqlStore.write, []

def fail(store, records):
    calls.append(records)
    if len(calls) == 3:
        os._exit(9)
    write(store, records)

SqlStore.write = fail
ResearchResults.from_files("results", name="study")
"""


def test_what_was_not_read_is_read_next_time(tmp_path):
    for i in range(7):
        (tmp_path / "results" / str(i)).mkdir(parents=True)
        (tmp_path / "results" / str(i) / "conf.json").write_text(json.dumps({"a": i % 2, "x": i / 2}))
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False)
    assert done.returncode == 9
    assert ResearchResults(tmp_path / "study").df["x"].tolist() == [0, 0.5, 1, 1.5]
    results = ResearchResults.from_files(tmp_path / "results", name=tmp_path / "study")
    assert results.df["x"].tolist() == [i / 2 for i in range(7)]
    assert results.to_df(remove_auxilary=False)["repetition"].tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert results.study.outcome == "done"
