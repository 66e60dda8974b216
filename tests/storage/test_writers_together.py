"""Several processes write to one database at once, each a study of its own."""

from __future__ import annotations

import contextlib
from multiprocessing import get_context

import sqlalchemy as sa

from research.events import DONE, Ended, Member, Values
from research.storage.base import Registered, Study
from research.storage.encoding import encode_block, freeze
from research.storage.opening import url_store

PATIENCE = 60


def write_study(url, name, n):
    """Write a study to PostgreSQL, an experiment at a time."""
    store = url_store(url, name)
    with contextlib.closing(store):
        store.begin(Study(name, 0.0, 1, "v", "d", {}))
        for number in range(n):
            id_ = f"{number:016x}"
            block = encode_block("x", None, [0], [freeze(f"{name} {number}")])
            store.write([Registered(Member(id_, 0, 0, 0, 0, number), "{}", None)])
            store.write(
                [Values(id_, (block,), False), Ended(0, id_, DONE, 0.0, 1.0, 1, (), None)],
            )


def test_shards_write_to_one_postgresql_at_once(postgres_engine):
    with postgres_engine.connect() as connection:
        schema = connection.execute(sa.text("select current_schema()")).scalar_one()
    url = postgres_engine.url.update_query_dict({"options": f"-csearch_path={schema}"})
    text = url.render_as_string(hide_password=False)
    names = [f"shard {k} of 4" for k in range(4)]
    context = get_context("spawn")
    writers = [context.Process(target=write_study, args=(text, name, 60)) for name in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(PATIENCE)
    assert [writer.exitcode for writer in writers] == [0] * 4
    for name in names:
        with contextlib.closing(url_store(text, name)) as store:
            snapshot = store.read(variables=None)
        assert [row.status for row in snapshot.experiments] == ["done"] * 60
        assert [row.text for row in snapshot.latest] == [f"{name} {n}" for n in range(60)]
