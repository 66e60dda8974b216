"""What every store promises of what experiments print."""

from __future__ import annotations

from research.storage.base import Output, Restarted
from tests.storage.records import ended, registered


def printed(store, select=None, **arguments):
    snapshot = store.read(select, outputs=True, **arguments)
    found = {}
    for row in snapshot.outputs:
        found[row.key, row.stream] = found.get((row.key, row.stream), b"") + row.data
    return found


def test_what_experiments_print_is_read_in_the_order_in_which_it_was_written(begun):
    begun.write([registered(0), registered(1)])
    for part in (b"one ", b"\0\xff ", b"three"):
        begun.write(
            [Output(f"{0:016x}", 0, part), Output(f"{1:016x}", 1, part), Output(f"{0:016x}", 0, b"|")]
        )
    begun.write([ended(0)])
    assert printed(begun) == {(0, 0): b"one |\0\xff |three|", (1, 1): b"one \0\xff three"}
    assert printed(begun, lambda row: row.number == 1, variables=None) == {(1, 1): b"one \0\xff three"}
    assert not begun.read().outputs


def test_a_restarted_experiment_has_printed_nothing(begun):
    begun.write(
        [registered(0), registered(1), Output(f"{0:016x}", 0, b"old"), Output(f"{1:016x}", 0, b"other")]
    )
    begun.write([Output(f"{0:016x}", 0, b"old"), Restarted(f"{0:016x}"), Output(f"{0:016x}", 0, b"new")])
    assert printed(begun) == {(0, 0): b"new", (1, 0): b"other"}


def test_some_experiments_are_read_by_their_keys(begun):
    begun.write([record for n in range(5) for record in (registered(n), Output(f"{n:016x}", 0, b"%d" % n))])
    found = begun.read(outputs=True, within=range(1, 3))
    assert [row.key for row in found.experiments] == [1, 2]
    assert [row.data for row in found.outputs] == [b"1", b"2"]
    found = begun.read(lambda row: row.number != 1, outputs=True, within=range(1, 3))
    assert [row.data for row in found.outputs] == [b"2"]
    assert begun.read(within=range(5, 9)).experiments == []
