"""Resuming: from `run` to the first new experiment of a study of which very many are done."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.question import Case, Contender, check, main

NAME = "study"


def work(a: int, b: int) -> int:
    """Cost nothing."""
    return a * b


def write(count: int) -> None:
    """Write a study of which so many experiments are done, without running them."""
    from research import Domain
    from research.events import DONE, Ended, Values
    from research.storage.base import Closed, Record, Study
    from research.storage.encoding import encode_block, freeze
    from research.storage.opening import sqlite_store
    from research.tasks import TaskSource

    domain = Domain(a=range(count // 10), b=range(10))
    Path(NAME).mkdir()
    store = sqlite_store(Path(NAME))
    settings = {"parameters": ["a", "b"], "variables": ["product"], "workers": 2, "branches": 1}
    store.begin(Study(NAME, 1.0, 1, "1", repr(domain), settings))
    source = TaskSource(domain, domain.walk(default_seed=1), 1)
    records: list[Record] = []
    for _ in source:
        for registered in source.take_registered():
            id_ = registered.member.id
            block = encode_block("product", None, [0], [freeze(1.5)])
            ended = Ended(0, id_, DONE, 1.0, 2.0, 1, (), None)
            records += [registered, Values(id_, (block,), False), ended]
    store.write([*records, Closed(3.0, DONE, None)])
    store.close()


def research(count: int) -> float:
    begun = time.time()
    from research import EC, Domain, Research

    new = -int(1000 * begun)  # another each time: what earlier rounds have run is done
    domain = Domain(a=range(count // 10), b=range(10)) + Domain(a=[new], b=[0])
    study = Research(NAME, domain).add_callable(work, a=EC("a"), b=EC("b"), save_to="product")
    study.run(workers=2, bar=False, resume=True)
    check(study.monitor.counts.get("done", 0) > count, str(study.monitor.counts))
    took = float(study.results.statuses_to_df()["started"].max()) - begun
    check(took > 0, "nothing new was run")
    return took


def sqlite(count: int) -> float:
    begun = time.time()
    import sqlite3

    connection = sqlite3.connect(f"{NAME}/research.db")
    rows = connection.execute("SELECT * FROM experiments").fetchall()
    connection.close()
    check(len(rows) >= count, "not all read")
    return time.time() - begun


CASES = (
    Case(
        "until the first new experiment begins, imports included",
        "experiment",
        (10**5, 10**4, 20),
        (
            Contender("research", research, prepare=write, at_most=20),  # two seconds for 100,000
            Contender("sqlite3 reads the same rows", sqlite, prepare=write),
        ),
    ),
)

if __name__ == "__main__":
    main(CASES)
