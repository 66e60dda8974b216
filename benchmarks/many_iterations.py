"""Many iterations: one unit, two saved numbers in each iteration, kept on disk.

The start of workers counts; imports, which a long study pays once, in a case of their own.
"""

from __future__ import annotations

import time

from benchmarks.question import Case, Contender, check, main

EXPERIMENTS = 4


def work(a: int) -> tuple[float, float]:
    """Cost nothing."""
    return 1.0, a + 0.5


def research(count: int, workers: int = 1, with_imports: bool = False) -> float:
    begun = time.perf_counter()
    from research import EC, Domain, Research

    if not with_imports:
        begun = time.perf_counter()
    study = Research("study", Domain(a=range(EXPERIMENTS)))
    study.add_callable(work, a=EC("a"), save_to=["loss", "accuracy"])
    study.run(workers=workers, n_iters=count // EXPERIMENTS, bar=False)
    took = time.perf_counter() - begun
    frame = study.results.df
    check(len(frame) == count and frame["loss"].sum() == count, "iterations are missing")
    return took


def two_workers(count: int) -> float:
    return research(count, workers=2)


def with_imports(count: int) -> float:
    return research(count, with_imports=True)


def by_hand(count: int) -> float:
    begun = time.perf_counter()
    import sqlite3

    connection = sqlite3.connect("results.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("create table results (a integer, iteration integer, loss real, accuracy real)")
    for a in range(EXPERIMENTS):
        losses, accuracies = [], []
        for _ in range(count // EXPERIMENTS):
            loss, accuracy = work(a)
            losses.append(loss)
            accuracies.append(accuracy)
        rows = [(a, *row) for row in zip(range(len(losses)), losses, accuracies, strict=True)]
        connection.executemany("insert into results values (?, ?, ?, ?)", rows)
        connection.commit()
    check(
        connection.execute("select sum(loss) from results").fetchone()[0] == count, "iterations are missing"
    )
    connection.close()
    return time.perf_counter() - begun


def batchflow(count: int) -> float:
    begun = time.perf_counter()
    from batchflow.research import EC, Domain, Research

    study = Research(name="study", domain=Domain(a=list(range(EXPERIMENTS))))
    study.add_callable(work, a=EC("a"), save_to=["loss", "accuracy"])
    study.run(workers=1, n_iters=count // EXPERIMENTS, bar=False)
    took = time.perf_counter() - begun
    check(len(study.results.df) == count, "iterations are missing")
    return took


CASES = (
    Case(
        "4 experiments, two numbers an iteration",
        "iteration",
        (200_000, 40_000, 40),
        (
            Contender("research, 1 worker", research),
            Contender("a loop by hand, executemany", by_hand, at_least=0.5),
            Contender(
                "batchflow.research", batchflow, needs="batchflow", counts=(20_000, 2_000, 40), at_least=20
            ),
            Contender("research, 2 workers", two_workers),
        ),
    ),
    Case(
        "the same, imports included",
        "iteration",
        (200_000, 40_000, 40),
        (Contender("research, 1 worker", with_imports), Contender("a loop by hand, executemany", by_hand)),
    ),
)

if __name__ == "__main__":
    main(CASES)
