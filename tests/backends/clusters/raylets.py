"""A cluster of Ray of several nodes on this machine, and drivers that are programs of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import psutil

from research import EC, Domain, Research
from research.backends.clusters.options import Ray  # noqa: F401  (for scripts)
from research.errors import StudyNotFoundError
from research.results.results import ResearchResults

ROOT = Path(__file__).parents[3]
PATIENCE = 40  # seconds after which a test gives up on something that does not happen


def until(holds, seconds=PATIENCE):
    """Wait until something holds, and return that."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise TimeoutError("it never came to that")
        time.sleep(0.05)
    return found


class Raylets:
    """A head that runs nothing, and nodes that come and go."""

    def __init__(self, folder):
        from ray.cluster_utils import Cluster

        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with self._environment():
            self._cluster = Cluster(
                initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
            )
        self.address = self._cluster.address

    @contextlib.contextmanager
    def _environment(self):
        changes = {"TMPDIR": str(self.folder), "RAY_TMPDIR": "/tmp", "PYTHONPATH": str(ROOT)}
        before = dict(os.environ)
        os.environ.update(changes)  # (their sockets may not have long names)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def add(self, **has):
        """Start a node; return it."""
        with self._environment():
            return self._cluster.add_node(**has)

    def remove(self, node):
        self._cluster.remove_node(node)

    def kill(self, node):
        """Let the process of a node be gone at once."""
        (info,) = node.all_processes["raylet"]
        info.process.kill()
        info.process.wait()  # or those that it has started would take it for alive

    def kill_head(self):
        for kind in ("gcs_server", "raylet"):
            for info in self._cluster.head_node.all_processes[kind]:
                info.process.kill()
                info.process.wait()

    @contextlib.contextmanager
    def head_standing_still(self):
        (info,) = self._cluster.head_node.all_processes["gcs_server"]
        info.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            info.process.send_signal(signal.SIGCONT)

    def agents(self):
        """Return the processes of agents."""
        return [child for child in _below_here() if _name(child).startswith("ray::RayAgent")]

    def homes(self):
        """Return the folders of agents."""
        return sorted(self.folder.glob("research-agent-*"))

    def close(self):
        self._cluster.shutdown()


def _below_here():
    return psutil.Process().children(recursive=True)


def _name(process):
    try:
        return process.name() if process.status() != psutil.STATUS_ZOMBIE else ""
    except psutil.NoSuchProcess:
        return ""


def workers():
    """Return processes that are workers of agents, wherever their parents are."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if "research.backends.worker" in " ".join(process.cmdline()) and str(ROOT) in str(
                process.environ().get("PYTHONPATH")
            ):
                found.append(process)
    return found


# a study, told in files who does what


def step(x, notes, seconds):
    """Take so long; note who does this."""
    with open(Path(notes) / "begun", "a") as file:
        file.write(f"{x} {os.getpid()} {os.getppid()}\n")
    time.sleep(seconds)
    with open(Path(notes) / "ended", "a") as file:
        file.write(f"{x} {os.getpid()} {os.getppid()}\n")
    return x * x


def described(name, notes, n=20, seconds=0.1):
    study = Research(name, Domain(x=range(n)))
    return study.add_callable(step, x=EC("x"), notes=str(Path(notes).resolve()), seconds=seconds, save_to="y")


def noted(kind, folder="."):
    """Return (x, worker's process, agent's process) of each experiment that has begun, or ended."""
    try:
        lines = (Path(folder) / kind).read_text().splitlines()
    except FileNotFoundError:
        return []
    return [tuple(map(int, line.split())) for line in lines]


def statuses(name="study"):
    """Return how many experiments have which status."""
    try:
        return Counter(ResearchResults(name).statuses_to_df()["status"])
    except StudyNotFoundError:
        return Counter()


@contextlib.contextmanager
def running(code, **environment):
    """Run a script in a process of its own, which is killed if it is still there."""
    text = "from tests.backends.clusters.raylets import Ray, described\n"
    process = psutil.Popen(
        [sys.executable, "-c", text + textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    except TimeoutError as error:
        if process.poll() is None:
            process.kill()
        raise AssertionError(process.communicate()[1]) from error
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=PATIENCE)


def said(process, text=None):
    """Tell a script something, and wait for its end; return its status, and what it has printed."""
    out, err = process.communicate(text, timeout=PATIENCE)
    return process.returncode, out, err
