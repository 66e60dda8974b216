"""A server that goes away while a study runs, and the driver's connection, which holds the study."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from research import ResearchResults
from research.errors import StudyError
from research.storage.places import DatabasePlace
from research.storage.servers import Server
from tests.study.in_databases import begin, described

PATIENCE = 60


class Way:
    """A way to a server, which can be cut."""

    def __init__(self, url):
        self._target = url.host, url.port or 5432
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = [self._listener]
        self.url = url.set(host="127.0.0.1", port=self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._listener.accept()
                other = socket.create_connection(self._target)
                self._open += [one, other]
                for pair in ((one, other), (other, one)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    @staticmethod
    def _pass_on(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(2**16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def cut(self):
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def wait_until(holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def n_stored(database):
    place = DatabasePlace(Server.read(database), "study")
    return sum(row.status == "done" for row in place.store().read().experiments) if place.exists() else 0


@pytest.fixture
def whole():
    return described("whole").run(seed=5, bar=False, parallel=False).results.df


def test_a_server_that_goes_away_ends_the_run_and_nothing_is_lost(database, whole):
    way = Way(sa.make_url(database))
    through = way.url.render_as_string(hide_password=False)
    running = begin(through, "described(storage=URL).run(seed=5, bar=False)", "machine", PAUSE="0.02")
    wait_until(lambda: n_stored(database) > 3)
    stored = n_stored(database)
    way.cut()
    _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 1
    last = said.strip().splitlines()[-1]
    assert re.search(r"StudyError: 'postgresql://.*' cannot be written: .*go on by run\(resume=True\)", last)
    assert "was broken off" in Path("machine/study/research.log").read_text()
    assert n_stored(database) >= stored
    with pytest.raises(StudyError, match=r"cannot be reached"):
        ResearchResults("study", storage=through)
    wait_until(lambda: not DatabasePlace(Server.read(database), "study").is_held())
    study = described(storage=database).run(resume=True, bar=False)
    assert study.results.df.equals(whole)


def test_who_has_lost_the_study_cannot_write_to_it_any_more(database, whole, postgres_admin):
    name = f"research {os.urandom(4).hex()}"
    url = sa.make_url(database).update_query_dict({"application_name": name})
    through = url.render_as_string(hide_password=False)
    running = begin(through, "described(storage=URL).run(seed=5, bar=False)", "machine", PAUSE="0.02")
    wait_until(lambda: n_stored(database) > 3)
    running.send_signal(signal.SIGSTOP)  # as a machine that sleeps
    with postgres_admin.connect() as connection:
        end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = :name"
        connection.execute(sa.text(end), {"name": name})
    wait_until(lambda: not DatabasePlace(Server.read(database), "study").is_held())
    study = described(storage=database).run(resume=True, bar=False)
    before = study.results.statuses_to_df()
    running.send_signal(signal.SIGCONT)
    _, said = running.communicate(timeout=PATIENCE)
    assert (running.returncode, "cannot be written" in said) == (1, True)
    assert study.results.statuses_to_df().equals(before)
    assert study.results.df.equals(whole)


@pytest.mark.slow
def test_a_driver_that_is_killed_leaves_the_study_to_others(database, whole):
    running = begin(database, "described(storage=URL).run(seed=5, bar=False)", "machine", PAUSE="0.02")
    wait_until(lambda: n_stored(database) > 3)
    family = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=PATIENCE)
    psutil.wait_procs(family, PATIENCE)
    wait_until(lambda: not DatabasePlace(Server.read(database), "study").is_held())
    results = ResearchResults("study", storage=database)
    assert results.study.outcome is None
    assert 3 < n_stored(database) < 62
    assert described(storage=database).run(resume=True, bar=False).results.df.equals(whole)
