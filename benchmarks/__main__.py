"""Run all questions: `python -m benchmarks [--rounds 5] [--json results.json]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.harness import Question, measure, table, write

QUESTIONS = (
    Question(
        "short experiments, 2 workers, SQLite", "experiment", 2_000, "short_experiments", "short_joblib"
    ),
    Question("iterations of one experiment", "iteration", 20_000, "iterations", "iterations_by_hand"),
    Question("many more of them", "iteration", 1_000_000, "iterations", "iterations_by_hand"),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each program runs")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    arguments = parser.parse_args()
    rows = [measure(question, arguments.rounds) for question in QUESTIONS]
    print(table(rows))
    if arguments.json is not None:
        write(rows, arguments.json)


if __name__ == "__main__":
    main()
