"""A merge that is killed leaves nothing that could be taken for a study."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from research import EC, Domain, Research, ResearchResults
from tests.results.stored_studies import write_study

merge = ResearchResults.merge


def test_a_process_that_is_killed_leaves_no_study():
    write_study("one", {1: [1]})
    code = (
        "import os, signal, research.storage.merging as merging\n"
        "from research import ResearchResults\n"
        "merging.copy_tree = lambda *args: os.kill(os.getpid(), signal.SIGKILL)\n"
        "ResearchResults.merge(['one'], into='all')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert done.returncode == -signal.SIGKILL
    assert not Path("all").exists()
    assert merge(["one"], into="all").df["x"].tolist() == [1]


def doubled(name, domain):
    return Research(name, domain).add_callable("f", lambda a: a * 2, a=EC("a"), save_to="b")


def test_a_study_that_was_merged_is_gone_on_with():
    domain = Domain(a=range(6))
    for k in range(2):
        study = Research(f"part-{k}", domain.shard(k, 2)).add_callable(
            "f", lambda a: a * 2, a=EC("a"), save_to="b"
        )
        study.run(seed=1, bar=False)
    merge(["part-0", "part-1"], into="all")
    study = doubled("all", Domain(a=range(8))).run(resume=True, bar=False, code_changed="keep")
    assert study.monitor.counts == {"done": 8}
    table = study.results.df
    assert sorted(zip(table["a"], table["b"], strict=True)) == [(a, 2 * a) for a in range(8)]
    assert table["a"].tolist()[-2:] == [6, 7]
