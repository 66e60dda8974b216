"""A cluster of Dask whose scheduler and workers are programs of their own, each of which may be ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[3]
PATIENCE = 90  # seconds after which a test gives up on something that does not happen


def until(holds: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until something holds, and return what it returns."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise TimeoutError("it never came to that")
        time.sleep(0.05)
    return found


def family(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and all that it has started, itself last."""
    try:
        return [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


def signal_all(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


class Host:
    """One program of Dask, with a folder for its temporary files and one to be in."""

    def __init__(self, folder: Path, arguments: list[str], prefix: list[str], **environment: str) -> None:
        self.folder = folder
        self.tmp, self.cwd = folder / "tmp", folder / "cwd"
        for made in (self.tmp, self.cwd):
            made.mkdir(parents=True)
        self.output = folder / "output.txt"
        paths = [environment.pop("PYTHONPATH", ""), str(ROOT)]
        with self.output.open("wb") as stream:
            self.process = psutil.Popen(
                [*prefix, sys.executable, "-m", *arguments],
                cwd=self.cwd,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                    "TMPDIR": str(self.tmp),
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def everyone(self) -> list[psutil.Process]:
        return family(self.process)

    def dask_worker(self) -> psutil.Process:
        """Return the process in which agents are: the nanny's child that listens."""
        (found,) = [
            child
            for child in self.process.children()
            if "spawn_main" in " ".join(child.cmdline()) or "forkserver" in " ".join(child.cmdline())
        ]
        return found

    def agents(self) -> list[Path]:
        """Return the folders of agents that are there."""
        return sorted(self.tmp.glob("research-agent-*"))

    def workers(self) -> list[psutil.Process]:
        """Return processes that are workers of a study."""
        found = []
        for process in self.everyone():
            with contextlib.suppress(psutil.NoSuchProcess):
                if "research.backends.worker" in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def kill(self) -> None:
        """Let everything of it be gone at once."""
        everyone = self.everyone()
        signal_all(everyone, signal.SIGSTOP)  # or some would start others meanwhile
        signal_all(everyone, signal.SIGKILL)
        psutil.wait_procs(everyone, timeout=10)

    def close(self) -> None:
        everyone = self.everyone()
        signal_all(everyone, signal.SIGCONT)
        signal_all(everyone, signal.SIGKILL)
        self.process.wait(10)


class Hosts:
    """A scheduler, and workers that come and go.

    Parameters
    ----------
    folder : Path
    address : str
        Of the scheduler's host.
    prefix : list of str
        Before the command of the scheduler.
    environment
        Of all of them.
    """

    def __init__(
        self, folder: Path, address: str = "127.0.0.1", prefix: list[str] | None = None, **environment: str
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._file = folder / "scheduler.json"
        self.hosts: list[Host] = []
        self.scheduler = self._add(
            [
                *("distributed.cli.dask_scheduler", "--host", address, "--port", "0", "--no-dashboard"),
                *("--scheduler-file", str(self._file)),
            ],
            prefix or [],
        )
        until(lambda: self._file.exists() and self._file.stat().st_size)
        self.address = self._read_address()

    def _read_address(self) -> str:
        import json

        return until(lambda: json.loads(self._file.read_text() or "{}").get("address"))

    def _add(self, arguments: list[str], prefix: list[str], **environment: str) -> Host:
        folder = self._folder / f"host-{len(self.hosts)}"
        host = Host(folder, arguments, prefix, **{**self._environment, **environment})
        self.hosts.append(host)
        return host

    def add(
        self,
        n_threads: int = 2,
        nanny: bool = True,
        resources: str = "",
        address: str = "127.0.0.1",
        prefix: list[str] | None = None,
        waits: bool = True,
        **environment: str,
    ) -> Host:
        """Start a worker of Dask, and wait until the scheduler knows it."""
        before = set(self.known()) if waits else set()
        host = self._add(
            [
                *("distributed.cli.dask_worker", self.address, "--nthreads", str(n_threads)),
                *("--host", address, "--no-dashboard", "--memory-limit", "0"),
                *("--local-directory", str(self._folder), "--nanny" if nanny else "--no-nanny"),
                *(("--resources", resources) if resources else ()),
            ],
            prefix or [],
            **environment,
        )
        if waits:
            until(lambda: set(self.known()) - before)
        return host

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """Return what a client of Dask answers."""
        from distributed import Client

        def try_to_ask() -> Any:
            try:
                with Client(self.address, set_as_default=False, timeout=30) as client:
                    return [question(client)]
            except AssertionError:  # of Dask, where a scheduler that is busy greets with more than that
                return None

        return until(try_to_ask)[0]

    def known(self) -> dict[str, Any]:
        """Return the workers that the scheduler knows."""
        return self.ask(lambda client: client.scheduler_info(n_workers=-1)["workers"])

    def close(self) -> None:
        for host in reversed(self.hosts):
            host.close()
