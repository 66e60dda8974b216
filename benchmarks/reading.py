"""Reading: from what is on disk to a DataFrame, in a fresh interpreter that has imported its libraries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.question import Case, Contender, check, main

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from research import ResearchResults

ITERATIONS = 5000  # of each experiment, where there are so many
TABLE = "results.db"
PARAMETERS = ("a", "b", "c", "d", "e")


def loss_and_accuracy(a: int):  # type: ignore[no-untyped-def]
    """Give two numbers for each iteration."""
    for iteration in range(ITERATIONS):
        yield 1 / (iteration + 1), iteration / ITERATIONS + a


def one_value(a: int, b: int, c: int, d: int, e: int) -> float:
    """Give one number."""
    return a + b / 2 + c / 4 + d / 8 + e / 16


def _sizes(count: int) -> tuple[int, int]:
    """Return how many experiments of how many iterations make so many values of two variables."""
    n_iters = min(ITERATIONS, count // 2)
    return max(count // 2 // n_iters, 1), n_iters


def _check_long(frame: pd.DataFrame, count: int) -> None:
    experiments, n_iters = _sizes(count)
    check(len(frame) == experiments * n_iters, f"{len(frame)} rows")
    check(frame["a"].sum() == sum(range(experiments)) * n_iters, "parameters")
    total = sum(iteration / ITERATIONS for iteration in range(n_iters)) * experiments
    total += sum(range(experiments)) * n_iters
    check(abs(frame["accuracy"].sum() - total) < 1e-6 * total, "values")


def _check_wide(frame: pd.DataFrame, count: int) -> None:
    check(len(frame) == count and set(PARAMETERS) < set(frame.columns), f"{len(frame)} rows")
    values = frame["a"] + frame["b"] / 2 + frame["c"] / 4 + frame["d"] / 8 + frame["e"] / 16
    check(bool((values == frame["value"]).all()), "values")


def study_of_many_iterations(count: int) -> None:
    from research import EC, Domain, Research

    experiments, n_iters = _sizes(count)
    study = Research("study", Domain(a=range(experiments)))
    study.add_generator("work", loss_and_accuracy, a=EC("a"), save_to=["loss", "accuracy"])
    study.run(workers=2, n_iters=n_iters, bar=False)


def study_of_many_configs(count: int) -> None:
    from research import EC, Domain, Research

    domain = Domain(a=range(count // 10), b=range(5), c=range(2), d=[7], e=[9])
    Research("study", domain).add_callable(one_value, kwargs=EC(), save_to="value").run(workers=2, bar=False)


def _long_table(count: int) -> pd.DataFrame:
    """Return what `to_df` gives."""
    import pandas as pd

    experiments, n_iters = _sizes(count)
    rows = [
        (f"{a:016x}", a, iteration, *values)
        for a in range(experiments)
        for iteration, values in zip(range(n_iters), loss_and_accuracy(a))  # noqa: B905
    ]
    return pd.DataFrame(rows, columns=["id", "a", "iteration", "loss", "accuracy"])


def _wide_table(count: int) -> pd.DataFrame:
    import itertools

    import pandas as pd

    grid = itertools.product(range(count // 10), range(5), range(2), [7], [9])
    rows = [(f"{number:016x}", *config, 0, one_value(*config)) for number, config in enumerate(grid)]
    return pd.DataFrame(rows, columns=["id", *PARAMETERS, "iteration", "value"])


def _to_sql(frame: pd.DataFrame) -> None:
    import sqlite3

    connection = sqlite3.connect(TABLE)
    frame.to_sql("results", connection, index=False)
    connection.close()


def long_sql(count: int) -> None:
    _to_sql(_long_table(count))


def wide_sql(count: int) -> None:
    _to_sql(_wide_table(count))


def long_parquet(count: int) -> None:
    _long_table(count).to_parquet("results.parquet")


def wide_parquet(count: int) -> None:
    _wide_table(count).to_parquet("results.parquet")


def _research() -> tuple[float, pd.DataFrame]:
    import pandas as pd  # noqa: F401  (both are imported where they are used)
    import sqlalchemy  # noqa: F401

    from research import ResearchResults

    begun = time.perf_counter()
    frame = ResearchResults("study").to_df()
    return time.perf_counter() - begun, frame


def _read_sql() -> tuple[float, pd.DataFrame]:
    import sqlite3

    import pandas as pd

    begun = time.perf_counter()
    connection = sqlite3.connect(TABLE)
    frame = pd.read_sql("select * from results", connection)
    took = time.perf_counter() - begun
    connection.close()
    return took, frame


def _read_parquet() -> tuple[float, pd.DataFrame]:
    import pandas as pd
    import pyarrow.parquet  # noqa: F401  (pandas imports it where it is used)

    begun = time.perf_counter()
    frame = pd.read_parquet("results.parquet")
    return time.perf_counter() - begun, frame


def research_long(count: int) -> float:
    took, frame = _research()
    _check_long(frame, count)
    return took


def sql_long(count: int) -> float:
    took, frame = _read_sql()
    _check_long(frame, count)
    return took


def parquet_long(count: int) -> float:
    took, frame = _read_parquet()
    _check_long(frame, count)
    return took


def research_wide(count: int) -> float:
    took, frame = _research()
    _check_wide(frame, count)
    return took


def sql_wide(count: int) -> float:
    took, frame = _read_sql()
    _check_wide(frame, count)
    return took


def parquet_wide(count: int) -> float:
    took, frame = _read_parquet()
    _check_wide(frame, count)
    return took


def batchflow_study_long(count: int) -> None:
    from batchflow.research import EC, Domain, Research

    experiments, n_iters = _sizes(count)
    study = Research(name="study", domain=Domain(a=list(range(experiments))))
    study.add_generator("work", loss_and_accuracy, a=EC("a"), save_to=["loss", "accuracy"])
    study.run(workers=2, n_iters=n_iters, bar=False)


def batchflow_study_wide(count: int) -> None:
    from batchflow.research import EC, Domain, Research

    domain = Domain(a=list(range(count // 10))) * Domain(b=list(range(5))) * Domain(c=[0, 1])
    study = Research(name="study", domain=domain * Domain(d=[7]) * Domain(e=[9]))
    study.add_callable(one_value, save_to="value", **{name: EC(name) for name in PARAMETERS})
    study.run(workers=2, n_iters=1, bar=False)


def _batchflow() -> tuple[float, pd.DataFrame]:
    from batchflow.research import ResearchResults

    begun = time.perf_counter()
    results = ResearchResults("study")
    frame = results.to_df(use_alias=False)
    return time.perf_counter() - begun, frame


def batchflow_long(count: int) -> float:
    took, frame = _batchflow()
    _check_long(frame, count)
    return took


def batchflow_wide(count: int) -> float:
    took, frame = _batchflow()
    _check_wide(frame, count)
    return took


def _asked(ask: Callable[[ResearchResults], pd.DataFrame]) -> tuple[float, pd.DataFrame]:
    import pandas as pd  # noqa: F401  (both are imported where they are used)
    import sqlalchemy  # noqa: F401

    from research import ResearchResults

    begun = time.perf_counter()
    frame = ask(ResearchResults("study"))
    return time.perf_counter() - begun, frame


def research_select(count: int) -> float:
    took, frame = _asked(lambda results: results.select("a", "value", where="value > 1 and b in (1, 3)"))
    values = [one_value(a, b, c, 7, 9) for a in range(count // 10) for b in (1, 3) for c in (0, 1)]
    check(frame["value"].tolist() == [value for value in values if value > 1], f"{len(frame)} rows")
    return took


def research_best(count: int) -> float:
    took, frame = _asked(lambda results: results.best("value", n=2))
    check(frame["value"].tolist() == [one_value(count // 10 - 1, 4, c, 7, 9) for c in (1, 0)], "the best")
    return took


def sql_select(count: int) -> float:
    import sqlite3

    import pandas as pd

    begun = time.perf_counter()
    connection = sqlite3.connect(TABLE)
    frame = pd.read_sql("select a, value from results where value > 1 and b in (1, 3)", connection)
    took = time.perf_counter() - begun
    connection.close()
    check(bool((frame["value"] > 1).all()), f"{len(frame)} rows")
    return took


CASES = (
    Case(
        "experiments of 5,000 iterations, 2 variables",
        "value",
        (1_000_000, 100_000, 20),
        (
            Contender("research, to_df", research_long, prepare=study_of_many_iterations),
            Contender("pandas.read_sql", sql_long, prepare=long_sql, at_least=2),
            Contender("pandas.read_parquet", parquet_long, prepare=long_parquet, needs="pyarrow"),
            Contender(
                "batchflow.research",
                batchflow_long,
                prepare=batchflow_study_long,
                needs="batchflow",
                counts=(40_000, 20_000, 20),
                at_least=10,
            ),
        ),
    ),
    Case(
        "a question to experiments of one value, 5 parameters",
        "experiment",
        (100_000, 10_000, 20),
        (
            Contender("research, select", research_select, prepare=study_of_many_configs, at_most=10),
            Contender("research, best", research_best, prepare=study_of_many_configs, at_most=10),
            Contender("pandas.read_sql", sql_select, prepare=wide_sql),
        ),
    ),
    Case(
        "experiments of one value, 5 parameters",
        "value",
        (100_000, 10_000, 20),
        (
            Contender("research, to_df", research_wide, prepare=study_of_many_configs),
            Contender("pandas.read_sql", sql_wide, prepare=wide_sql),
            Contender("pandas.read_parquet", parquet_wide, prepare=wide_parquet, needs="pyarrow"),
            Contender(
                "batchflow.research",
                batchflow_wide,
                prepare=batchflow_study_wide,
                needs="batchflow",
                counts=(500, 100, 20),
            ),
        ),
    ),
)

if __name__ == "__main__":
    main(CASES)
