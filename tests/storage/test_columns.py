"""What is read in place of rows: columns of experiments, and last values alone."""

from __future__ import annotations

import uuid

import numpy as np

from research.events import Values
from research.storage.encoding import encode_block, freeze
from tests.storage.records import ended, registered, study


def filled(store):
    store.begin(study(f"study {uuid.uuid4()}"))
    for number in range(3):
        store.write([registered(number, f'{{"a":{number}}}', None if number else '{"names":{},"values":{}}')])
        values = [freeze(value) for value in (np.arange(2), 1.5, number)]
        blocks = [encode_block("x", 0, [0, 1, 2], values)]
        if number:
            blocks.append(encode_block("of\ud800", None, [0], [freeze(np.arange(number))]))
        store.write([Values(f"{number:016x}", tuple(blocks), False), ended(number)])
    return store


def test_columns_are_those_of_the_rows(store):
    store = filled(store)
    rows = store.read().experiments
    found = store.read(columns=("key", "config", "aliases", "status"))
    assert found.experiments == []
    assert found.columns == {
        name: [getattr(row, name) for row in rows] for name in ("key", "config", "aliases", "status")
    }
    assert store.read(columns=("id",), within=range(1, 2)).columns == {"id": [rows[1].id]}
    assert store.read(columns=("id", "key"), within=range(9, 10)).columns == {"id": [], "key": []}
    assert not store.read().columns


def test_last_values_are_those_of_latest(store):
    store = filled(store)
    everything, found = store.read(variables=None), store.read(variables=None, last=True)
    assert found.latest == () or found.latest == []
    assert not found.history and len(everything.history) == 3
    assert {part.variable: part.keys for part in found.last} == {"x": [0, 1, 2], "of\ud800": [1, 2]}
    rows = {(row.key, row.variable): (row.type, row.number, row.text) for row in everything.latest}
    assert rows == {
        (key, part.variable): rest
        for part in found.last
        for key, *rest in map(
            list, zip(part.keys, zip(part.types, part.numbers, part.texts, strict=True), strict=True)
        )
        for rest in rest
    }
    assert [(item.key, item.variable) for item in found.objects] == [(1, "of\ud800"), (2, "of\ud800")]
    assert found.objects[1].load().tolist() == [0, 1]
    assert [part.variable for part in store.read(variables=["x"], last=True).last] == ["x"]
    some = store.read(lambda row: row.key == 2, variables=None, last=True)
    assert {part.variable: part.keys for part in some.last} == {"x": [2], "of\ud800": [2]}
    assert not store.read(last=True).last
