"""Short experiments: a function that does nothing, of two parameters, by two workers, results on disk.

Imports and the start of workers count. Peers that keep nothing write what they got into a table at the end.
"""

from __future__ import annotations

import sys
import time

from benchmarks.question import Case, Contender, check, main


def work(a: int, b: int) -> int:
    """Cost nothing."""
    return a * b


def work_of_pair(pair: tuple[int, int]) -> tuple[int, int, int]:
    """Do the same for a pool, which passes one argument and forgets it."""
    return *pair, work(*pair)


def work_of_config(config: dict[str, int]) -> dict[str, int]:
    """Do the same for Ray Tune."""
    return {"product": work(config["a"], config["b"])}


def pairs(count: int) -> list[tuple[int, int]]:
    """List the grid."""
    return [(a, b) for a in range(count // 10) for b in range(10)]


def expected(count: int) -> int:
    """Return the sum of all results."""
    return sum(range(count // 10)) * 45


def keep(rows: list[tuple[int, int, int]], count: int) -> None:
    """Write results as people write them by hand."""
    import sqlite3

    connection = sqlite3.connect("results.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("create table results (a integer, b integer, product integer)")
    connection.executemany("insert into results values (?, ?, ?)", rows)
    connection.commit()
    check(connection.execute("select sum(product) from results").fetchone()[0] == expected(count), "a sum")
    connection.close()


def research(count: int) -> float:
    begun = time.perf_counter()
    from research import EC, Domain, Research

    domain = Domain(a=range(count // 10), b=range(10))
    study = Research("study", domain).add_callable(work, a=EC("a"), b=EC("b"), save_to="product")
    study.run(workers=2, bar=False)
    took = time.perf_counter() - begun
    check(study.monitor.counts == {"done": count}, str(study.monitor.counts))
    check(int(study.results.df["product"].sum()) == expected(count), "a sum")
    return took


def joblib_fresh(count: int) -> float:
    begun = time.perf_counter()
    from joblib import Parallel, delayed

    grid = pairs(count)
    products = Parallel(n_jobs=2)(delayed(work)(a, b) for a, b in grid)
    keep([(a, b, product) for (a, b), product in zip(grid, products, strict=True)], count)
    return time.perf_counter() - begun


def joblib_warm(count: int) -> float:
    from joblib import Parallel, delayed

    Parallel(n_jobs=2)(delayed(work)(a, b) for a, b in pairs(1000))
    begun = time.perf_counter()
    grid = pairs(count)
    products = Parallel(n_jobs=2)(delayed(work)(a, b) for a, b in grid)
    keep([(a, b, product) for (a, b), product in zip(grid, products, strict=True)], count)
    return time.perf_counter() - begun


def pool(count: int) -> float:
    begun = time.perf_counter()
    from multiprocess import Pool

    with Pool(2) as workers:
        rows = list(workers.imap_unordered(work_of_pair, pairs(count), chunksize=1))
    keep(rows, count)
    return time.perf_counter() - begun


def distributed(count: int) -> float:
    begun = time.perf_counter()
    from distributed import Client, LocalCluster

    grid = pairs(count)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        columns = zip(*grid, strict=True)
        products = client.gather(client.map(work, *map(list, columns), pure=False))
    keep([(a, b, product) for (a, b), product in zip(grid, products, strict=True)], count)
    return time.perf_counter() - begun


def batchflow(count: int) -> float:
    begun = time.perf_counter()
    from batchflow.research import EC, Domain, Research

    domain = Domain(a=list(range(count // 10))) * Domain(b=list(range(10)))
    study = Research(name="study", domain=domain)
    study.add_callable(work, a=EC("a"), b=EC("b"), save_to="product")
    study.run(workers=2, n_iters=1, bar=False)
    took = time.perf_counter() - begun
    check(int(study.results.df["product"].sum()) == expected(count), "a sum")
    return took


def _optuna(storage: str) -> None:
    """Be one of the two processes of a study in Optuna; `sys.argv` says how much to do."""
    import optuna

    optuna.logging.disable_default_handler()
    n_trials, n_as = map(int, sys.argv[1:])
    study = optuna.load_study(
        study_name="study", storage=_storage(storage), sampler=optuna.samplers.RandomSampler()
    )

    def objective(trial: optuna.Trial) -> int:
        return work(trial.suggest_int("a", 0, n_as - 1), trial.suggest_int("b", 0, 9))

    study.optimize(objective, n_trials=n_trials)


def _storage(kind: str):  # type: ignore[no-untyped-def]
    import optuna

    if kind == "sqlite":
        return optuna.storages.RDBStorage(
            "sqlite:///study.db", engine_kwargs={"connect_args": {"timeout": 60}}
        )
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend("study.log"))


def _two_processes(count: int, kind: str) -> float:
    begun = time.perf_counter()
    import subprocess

    import optuna

    optuna.logging.disable_default_handler()
    study = optuna.create_study(study_name="study", storage=_storage(kind))
    code = f"from benchmarks.short_experiments import _optuna; _optuna({kind!r})"
    command = [sys.executable, "-c", code, str(count // 2), str(max(count // 10, 1))]
    processes = [subprocess.Popen(command) for _ in range(2)]
    check([process.wait() for process in processes] == [0, 0], "a process of Optuna failed")
    took = time.perf_counter() - begun
    done = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    check(len(done) == count // 2 * 2, f"{len(done)} trials")
    return took


def optuna_sqlite(count: int) -> float:
    return _two_processes(count, "sqlite")


def optuna_journal(count: int) -> float:
    return _two_processes(count, "journal")


def ray_tune(count: int) -> float:
    begun = time.perf_counter()
    from pathlib import Path

    import ray
    from ray import tune

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    grid = {"a": tune.grid_search(list(range(count // 10))), "b": tune.grid_search(list(range(10)))}
    tuner = tune.Tuner(
        work_of_config,
        param_space=grid,
        run_config=tune.RunConfig(name="study", storage_path=str(Path.cwd()), verbose=0),
    )
    products = [result.metrics["product"] for result in tuner.fit()]
    ray.shutdown()
    took = time.perf_counter() - begun
    check(sum(products) == expected(count), "a sum")
    return took


def floor(count: int) -> float:
    """Hash each config, call the function, write two rows: one process, by hand, nothing else."""
    begun = time.perf_counter()
    import json
    import sqlite3
    from hashlib import blake2b

    experiments, values = [], []
    for a, b in pairs(count):
        text = json.dumps({"a": a, "b": b})
        digest = blake2b(text.encode(), digest_size=8).hexdigest()
        experiments.append((digest, text, "done", time.time()))
        values.append((digest, "product", work(a, b)))
    connection = sqlite3.connect("results.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("create table experiments (id text primary key, config text, status text, ended real)")
    connection.execute("create table latest (id text, variable text, value, primary key (id, variable))")
    connection.executemany("insert into experiments values (?, ?, ?, ?)", experiments)
    connection.executemany("insert into latest values (?, ?, ?)", values)
    connection.commit()
    check(connection.execute("select sum(value) from latest").fetchone()[0] == expected(count), "a sum")
    connection.close()
    return time.perf_counter() - begun


CASES = (
    Case(
        "a function of two parameters, 2 workers",
        "experiment",
        (10_000, 2_000, 20),
        (
            Contender("research", research),
            Contender("joblib, fresh", joblib_fresh, needs="joblib", at_least=0.7),
            Contender("joblib, warm", joblib_warm, needs="joblib"),
            Contender("multiprocess, chunksize=1", pool, needs="multiprocess"),
            Contender("dask.distributed", distributed, needs="distributed"),
            Contender(
                "batchflow.research", batchflow, needs="batchflow", counts=(500, 100, 20), at_least=200
            ),
            Contender("Optuna, SQLite", optuna_sqlite, needs="optuna", counts=(500, 100, 20)),
            Contender("Optuna, journal", optuna_journal, needs="optuna", counts=(500, 100, 20)),
            Contender("Ray Tune", ray_tune, needs="ray", counts=(100, 20, 10), most_rounds=1),
            Contender("the floor: hash, insert, 1 process", floor),
        ),
    ),
)

if __name__ == "__main__":
    main(CASES)
