"""Run all questions: `python -m benchmarks [--rounds 5] [--json results.json]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.harness import Question, measure, table, write

QUESTIONS = (
    Question("short experiments / joblib", "experiment", 2_000, "short_experiments", "short_joblib"),
    Question("more of them", "experiment", 10_000, "short_experiments", "short_joblib"),
    Question("iterations of one experiment", "iteration", 20_000, "iterations", "iterations_by_hand"),
    Question("many more of them", "iteration", 1_000_000, "iterations", "iterations_by_hand"),
    Question(
        "iterations with profile=1 / without", "iteration", 1_000_000, "iterations_profiled", "iterations"
    ),
    Question("grid walked and read / itertools", "config", 1_000_000, "grid_walked", "grid_itertools"),
    Question("grid walked / ParameterGrid", "config", 1_000_000, "grid_walked", "grid_scikit_learn"),
    Question("grid walked / batchflow", "config", 10_000, "grid_walked", "grid_batchflow"),
    Question("d[i] of 10^12 / ParameterGrid", "config", 100_000, "grid_indexed", "grid_indexed_scikit_learn"),
    Question("shuffled d[i] / d[i]", "config", 100_000, "grid_indexed_shuffled", "grid_indexed"),
    Question("three drawn parameters / by hand", "config", 1_000_000, "grid_drawn", "grid_drawn_by_hand"),
    Question("sum of 1,000 products / one", "config", 1_000_000, "sum_of_many", "sum_of_one"),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each program runs")
    parser.add_argument("--only", default="", help="a part of the titles of the questions to ask")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    arguments = parser.parse_args()
    rows = [measure(question, arguments.rounds) for question in QUESTIONS if arguments.only in question.title]
    print(table(rows))
    if arguments.json is not None:
        write(rows, arguments.json)


if __name__ == "__main__":
    main()
