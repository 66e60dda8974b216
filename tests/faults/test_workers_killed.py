"""Workers killed at random moments, with real signals, while results are read."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import psutil
import pytest

from research import EC, Domain, E, O, Research, ResearchResults
from research.errors import StudyNotFoundError


def walk(a, random):
    value = float(a)
    for _ in range(20):
        value += random.normal()
        time.sleep(0.001)
        yield value


def study(name):
    described = Research(name, Domain(a=range(120)))
    return described.add_generator("walk", walk, a=EC("a"), random=E().random).save(O("walk"), "x")


@pytest.mark.slow
@pytest.mark.parametrize("start_method", ["fork", "spawn"])
@pytest.mark.parametrize("isolation", ["worker", "experiment"])
def test_only_experiments_that_ran_on_a_killed_worker_are_lost(start_method, isolation):
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    reference = study("reference").run(seed=5, bar=False, parallel=False).results.df.set_index("id")
    killed = []
    me = psutil.Process()
    strangers = set(me.children())  # that other tests have started, as clusters

    def kill():
        while not over.wait(0.02) and not _any_done():
            pass
        while not over.wait(chance.uniform(0.05, 0.2)) and len(killed) < 8:
            depths = [2 if start_method == "fork" else 1]
            if isolation == "experiment":  # a worker, or the process of the task that it is at
                depths.append(depths[0] + 1)
            own = [child for child in me.children() if child not in strangers]
            family = [*own, *(process for child in own for process in _children(child))]
            workers = [child for child in family if _depth(child, me) in depths]
            if workers:
                victim = chance.choice(workers)
                try:
                    victim.send_signal(chance.choice([signal.SIGKILL, signal.SIGTERM]))
                    killed.append(victim.pid)
                except psutil.NoSuchProcess:
                    pass

    over = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        found = study("study").run(
            seed=5, bar=False, workers=3, start_method=start_method, isolation=isolation
        )
    finally:
        over.set()
        killer.join()
    counts = found.monitor.counts
    assert killed
    assert sum(counts.values()) == 120
    assert counts.get("lost", 0) <= len(killed)
    assert set(counts) <= {"done", "lost"}
    statuses = found.results.statuses_to_df().set_index("id")["status"]
    values = found.results.df.set_index("id")
    done = values[statuses[values.index].eq("done").to_numpy()]
    np.testing.assert_array_equal(done["x"], reference.loc[list(dict.fromkeys(done.index)), "x"])
    assert len(done) == 20 * counts["done"]


def test_a_worker_that_dies_before_it_has_heard_anything_is_replaced(tmp_path, monkeypatch):
    folder = tmp_path / "at_start"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os\n"
        "try:\n"
        f"    os.mkdir({str(tmp_path / 'died')!r})\n"
        "except FileExistsError:\n"
        "    pass\n"
        "else:\n"
        "    os._exit(3)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    data = bytes(10_000_000)  # more than a pipe holds: it is still being sent as the worker dies
    described = Research("study", Domain(a=range(4))).add_callable("f", len, args=[data], save_to="n")
    found = described.run(workers=2, start_method="spawn", bar=False)
    assert found.results.df["n"].tolist() == [len(data)] * 4
    assert (tmp_path / "died").exists()


def _any_done():
    try:
        return (ResearchResults("study").statuses_to_df()["status"] == "done").any()
    except StudyNotFoundError:
        return False


def _children(process):
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _depth(process, ancestor):
    depth = 0
    try:
        while process is not None and process.pid != ancestor.pid:
            process = process.parent()
            depth += 1
    except psutil.NoSuchProcess:
        return -1
    return depth


def test_another_process_reads_while_the_study_runs(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import time
            from research import *

            def count():
                for number in range(40):
                    time.sleep(0.05)
                    yield number

            study = Research("study", Domain(a=range(4))).add_generator("count", count)
            study.save(O("count"), "n").run(workers=2, bar=False)
            """
        )
    )
    seen = []
    process = subprocess.Popen([sys.executable, script], cwd=tmp_path)
    while process.poll() is None:
        try:
            found = ResearchResults(tmp_path / "study").df
        except StudyNotFoundError:
            continue
        if len(found):
            for _, history in found.groupby("id"):
                assert history["iteration"].tolist() == list(range(len(history)))
                assert history["n"].tolist() == list(range(len(history)))
            seen.append(len(found))
        time.sleep(0.02)
    assert process.returncode == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > 5
    assert seen[0] < 80
    assert len(ResearchResults(tmp_path / "study").df) == 160


def test_a_driver_killed_at_once_leaves_a_whole_store(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import time\n"
        "from research import *\n"
        "study = Research('study', Domain(a=range(10_000)))\n"
        "study.add_callable('f', lambda a: time.sleep(0.002) or a, a=EC('a'), save_to='b')\n"
        "study.run(workers=2, bar=False)\n"
    )
    process = subprocess.Popen([sys.executable, script], cwd=tmp_path)
    deadline = time.monotonic() + 60
    done = 0
    while done < 200 and time.monotonic() < deadline:
        time.sleep(0.05)
        try:
            done = len(ResearchResults(tmp_path / "study").df)
        except StudyNotFoundError:
            continue
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    results = ResearchResults(tmp_path / "study")
    found = results.to_df()
    assert len(found) >= done >= 200
    assert (found["a"] == found["b"]).all()
    statuses = results.statuses_to_df()
    assert (statuses["status"] == "done").sum() == len(found)
