"""A reader that polls as fast as it can while four workers write: nobody fails, and it sees whole batches."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from research import EC, Domain, E, Research, ResearchResults
from research.errors import StudyNotFoundError

SECONDS = 20
PATIENCE = 120  # seconds after which a test gives up on something that does not happen
N_ITERATIONS, N_CONFIGS = 12, 20

SCRIPT = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_read_meanwhile
test_read_meanwhile.{{call}}
"""


# the writer


def pairs(a, random):
    """Yield two numbers that belong together."""
    for number in range(N_ITERATIONS):
        time.sleep(random.random() / 15)
        yield a + number / 100, f"{a} {number}"


def fail(a):
    print("experiment", a)
    if a % 10 == 9:
        raise ValueError(a)


def next_domain(end):
    """Return further configs until the time is over; what is stored of the study changes each time."""
    next_domain.count = getattr(next_domain, "count", 0) + 1
    first = next_domain.count * N_CONFIGS
    return None if time.time() > end else Domain(a=range(first, first + N_CONFIGS))


def write(seconds):
    study = Research("study", Domain(a=range(N_CONFIGS)))
    study.add_generator("pairs", pairs, a=EC("a"), random=E().random, save_to=["x", "y"])
    study.add_callable("array", lambda a: np.full(50, a), a=EC("a"), save_to="array", when=[4, "last"])
    study.add_callable(fail, a=EC("a"), when=f"%{N_ITERATIONS // 2}")
    study.update_domain(next_domain, end=time.time() + seconds)
    study.run(workers=4, n_iters=N_ITERATIONS, bar=False, seed=3)


# the reader


class Reader:
    """Looks at a study again and again; what it has seen may not go away."""

    def __init__(self):
        self.n_polls = 0
        self.n_seen = Counter()  # values by experiment and variable
        self.ended = {}
        self.statuses = Counter()

    def look(self, results):
        self.n_polls += 1
        is_over = results.study.outcome is not None
        statuses = results.statuses_to_df()
        self.check_statuses(statuses)
        self.check_values(results.to_df(), statuses)
        self.check_snapshot(results)
        return is_over

    def check_statuses(self, statuses):
        assert set(statuses["status"]) <= {"queued", "running", "done", "failed"}
        assert statuses["id"].is_unique
        ended = statuses[statuses["status"].isin(["done", "failed"])]
        now = dict(zip(ended["id"], ended["status"], strict=True))
        assert self.ended.items() <= now.items()
        self.ended = now
        assert ended["finished"].notna().all()
        self.statuses.update(statuses["status"])

    def check_values(self, table, statuses):
        """Check a table that was asked for after the statuses."""
        status = dict(zip(statuses["id"], statuses["status"], strict=True))
        for (id_, a), rows in table.groupby(["id", "a"]) if len(table) else ():
            n = len(rows)
            assert rows["iteration"].tolist() == list(range(n))
            assert rows["x"].tolist() == [a + number / 100 for number in range(n)]
            values = [value for value in rows["y"] if isinstance(value, str)]
            assert values == [f"{a} {number}" for number in range(len(values))]
            assert n - 1 <= len(values) <= n  # of the last iteration one may be there before the other
            is_failed = status.get(id_) == "failed"
            if id_ in self.ended:
                assert n == len(values) == (N_ITERATIONS // 2 + 1 if is_failed else N_ITERATIONS)
            for variable, count in (("x", n), ("y", len(values))):
                assert count >= self.n_seen[id_, variable]
                self.n_seen[id_, variable] = count

    def check_snapshot(self, results):
        """Check what was read in one go: statuses and values of one moment."""
        snapshot = results.store.read(variables=None)
        status = {row.key: row.status for row in snapshot.experiments}
        assert {row.key for row in (*snapshot.latest, *snapshot.history, *snapshot.objects)} <= status.keys()
        lengths = Counter()
        for row in snapshot.history:
            lengths[row.key, row.variable] += row.length
        last = {(row.key, row.variable): row.iteration for row in snapshot.latest}
        for key, state in status.items():
            if state == "queued":
                assert (key, "x") not in last
            elif state in ("done", "failed"):
                n = N_ITERATIONS if state == "done" else N_ITERATIONS // 2 + 1
                assert last[key, "x"] == last[key, "y"] == n - 1
                assert lengths[key, "x"] == n
        for row in snapshot.objects[-10:]:
            assert row.load().shape == (50,)


def read(path):
    reader, kept, is_over = Reader(), None, False
    while not is_over:
        try:
            results = ResearchResults("study")
            results.study  # fails where the study has not begun
        except StudyNotFoundError:
            assert kept is None  # it does not go away
            continue
        kept = kept or results
        is_over = reader.look(results if reader.n_polls % 2 else kept)
    seen = {"polls": reader.n_polls, "statuses": reader.statuses, "ended": len(reader.ended)}
    Path(path).write_text(json.dumps(seen))


# the test


def start(call):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(call=call)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.slow
def test_a_reader_and_four_workers_do_not_disturb_each_other():
    processes = {"reader": start("read('seen.json')"), "writer": start(f"write({SECONDS})")}
    said = {}
    for name in ("writer", "reader"):
        said[name] = processes[name].communicate(timeout=PATIENCE)[1]
    assert {name: process.returncode for name, process in processes.items()} == {"reader": 0, "writer": 0}, (
        said
    )
    seen = json.loads(Path("seen.json").read_text())
    statuses = Counter(ResearchResults("study").statuses_to_df()["status"])
    assert seen["ended"] == statuses["done"] + statuses["failed"] == statuses.total() >= N_CONFIGS
    assert statuses["failed"] * 10 == statuses.total()
    assert seen["polls"] > 3
    assert seen["statuses"].keys() >= {"running", "done", "failed"}
    log = Path("study/research.log").read_text()
    remarks = re.findall(r" (?:WARNING|ERROR) .*", log)
    assert len(remarks) == statuses["failed"]
    assert all("failed in 'fail'" in remark for remark in remarks)
