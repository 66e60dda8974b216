"""An end of a pipe that never waits says and hears the same as one that does."""

from __future__ import annotations

import socket
import threading
from multiprocessing.connection import Connection

import pytest

from research.backends.pipes import Channel

MESSAGES = [b"one", b"", b"x" * 70_000, b"y" * 5_000_000, b"last"]


@pytest.fixture
def ends():
    """Return both ends of a pipe, one that does not wait and one that does."""
    one, other = socket.socketpair()
    channel, connection = Channel(one.detach()), Connection(other.detach())
    yield channel, connection
    channel.close()
    connection.close()


def receive(channel, count):
    """Take messages until there are so many, or the other end is closed."""
    found = []
    while len(found) < count and channel.is_open:
        channel.read()
        found.extend(channel.messages())
    return found


def test_it_hears_what_was_said(ends):
    channel, connection = ends
    thread = threading.Thread(target=lambda: [connection.send_bytes(message) for message in MESSAGES])
    thread.start()
    assert receive(channel, len(MESSAGES)) == MESSAGES
    thread.join()
    assert list(channel.messages()) == []


def test_it_is_heard_and_does_not_wait_for_that(ends):
    channel, connection = ends
    for message in MESSAGES:
        channel.send(message)
    assert channel.n_unsent > 4_000_000
    thread = threading.Thread(target=channel.drain)
    thread.start()
    assert [connection.recv_bytes() for _ in MESSAGES] == MESSAGES
    thread.join()
    assert channel.n_unsent == 0


def test_who_speaks_first_at_the_other_end_is_not_waited_for(ends):
    channel, connection = ends
    channel.send(MESSAGES[3])
    heard = []

    def speak():
        connection.send_bytes(MESSAGES[3])  # more than the pipe holds, in both directions
        heard.append(connection.recv_bytes())

    thread = threading.Thread(target=speak)
    thread.start()
    channel.drain()
    thread.join()
    assert heard == [MESSAGES[3]]


def test_half_a_message_is_none_and_the_end_is_noticed(ends):
    channel, connection = ends
    connection.send_bytes(b"whole")
    whole = socket.socket(fileno=connection.fileno())
    whole.sendall(b"\x00\x00\x00\x09half")
    whole.detach()
    connection.close()
    assert receive(channel, 2) == [b"whole"]
    assert not channel.is_open
    channel.send(b"to nobody")
    channel.drain()
    assert channel.n_unsent == 0


def test_messages_may_be_longer_than_their_short_head_can_say(ends):
    channel, connection = ends
    whole = socket.socket(fileno=connection.fileno())
    whole.sendall(b"\xff\xff\xff\xff" + b"\x00" * 7)
    channel.read()
    assert list(channel.messages()) == []
    whole.sendall(b"\x04long")
    whole.detach()
    assert receive(channel, 1) == [b"long"]
