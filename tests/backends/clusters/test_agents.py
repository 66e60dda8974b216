"""What an agent and its driver make of calls that come again, late, or not at all; folders and messages."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time

import pytest

from research.backends.clusters import homes, pieces
from research.backends.clusters.agent import Agent
from research.backends.clusters.homes import own_folder
from research.backends.clusters.pieces import NOTHING, Joiner, cut
from research.events import Remark


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 20, 25])
def test_messages_are_the_same_in_pieces(monkeypatch, size):
    monkeypatch.setattr(pieces, "PIECE", 10)
    message = os.urandom(size)
    joiner = Joiner()
    found = list(cut(message))
    assert all(len(piece) <= 11 for piece in found)
    assert len(found) == max(1, -(-size // 10))
    joined = [joiner.join(piece) for piece in (NOTHING, *found, NOTHING)]
    assert [item for item in joined if item is not None] == [message]


def hear(agent, position, seconds=0.0):
    return asyncio.run(agent.hear(position, seconds))


def test_what_was_told_twice_is_heard_once():
    agent = Agent()
    first, second, third = (next(cut(word)) for word in (b"one", b"two", b"three"))
    agent.tell(0, [first, second])
    agent.tell(0, [first, second])
    agent.tell(1, [second, third])
    assert list(agent._told) == [b"one", b"two", b"three"]


def test_an_answer_is_given_again_until_the_driver_has_had_it():
    agent = Agent()
    agent.say([Remark("a")])
    once = hear(agent, 0)
    assert once and hear(agent, 0) == once
    agent.say([Remark("b")])
    assert hear(agent, 0)[:1] == once
    assert hear(agent, 1) != once
    agent.close()
    assert hear(agent, 1) is not None
    assert hear(agent, 2) is None


def test_an_agent_with_nothing_to_say_says_that():
    agent = Agent()
    assert hear(agent, 0) == [NOTHING]
    assert hear(agent, 1) == [NOTHING]
    thread = threading.Timer(0.1, agent.say, [[Remark("a")]])
    thread.start()
    (answer,) = hear(agent, 2, 30)
    assert answer != NOTHING
    thread.join()


def test_time_counts_from_the_last_answer_that_has_come():
    """Calls alone keep nobody alive: who cannot be heard may still be called."""
    agent = Agent(lease=0.4)
    until = time.monotonic() + 0.6
    while time.monotonic() < until:
        hear(agent, 0, 0.05)  # the driver never says that it has had one
    assert agent.is_forsaken
    assert hear(agent, 0) is None
    agent = Agent(lease=0.4)
    position, until = 0, time.monotonic() + 0.8
    while time.monotonic() < until:
        position += len(hear(agent, position, 0.05))
    assert not agent.is_forsaken


def test_who_was_late_once_is_late_for_ever():
    agent = Agent(lease=0.2)
    hear(agent, 0)
    agent.say([Remark("a")])
    time.sleep(0.3)
    assert hear(agent, 1) is None
    agent.tell(0, list(cut(b"x")))
    assert agent.is_forsaken
    assert not agent._told
    agent.run()  # has nothing to do any more


HOLD = """
import time
from research.backends.clusters.homes import own_folder
with own_folder() as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    time.sleep(600)
"""


def test_folders_of_the_living_stay_and_those_of_the_killed_go(tmp_path, monkeypatch):
    monkeypatch.setattr(homes.tempfile, "tempdir", str(tmp_path))
    others = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}
        )
        for _ in range(2)
    ]
    try:
        dead, alive = (os.path.basename(other.stdout.readline().decode().strip()) for other in others)
        others[0].kill()
        others[0].wait()
        with own_folder() as folder, own_folder() as second:
            assert folder != second
            assert {path.name for path in tmp_path.iterdir()} == {alive, folder.name, second.name}
            assert dead != alive
        assert {path.name for path in tmp_path.iterdir()} == {alive}
    finally:
        for other in others:
            other.kill()
            other.wait()
            other.stdout.close()
