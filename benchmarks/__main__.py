"""Measure what things cost, beside peers that do the same work in the same run."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks import report
from benchmarks.harness import Answer, failed, measure
from benchmarks.question import FULL, QUICK, TINY

QUESTIONS = (
    "start",
    "short_experiments",
    "anatomy",
    "many_iterations",
    "reading",
    "domains",
    "memory",
    "large_values",
    "profiling",
    "resuming",
    "growth",
    "scheduling",
    "searching",
    "pruned",
    "clusters",
)


def main(modules: Sequence[str] = tuple(f"benchmarks.{name}" for name in QUESTIONS)) -> None:
    """Measure what modules ask, and print."""
    names = {module.rpartition(".")[2]: module for module in modules}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help=f"a part of the name of the questions to ask, of {', '.join(names)}; may be given again",
    )
    parser.add_argument(
        "--case", default="", metavar="TEXT", help="a part of the titles of the cases to measure"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender runs")
    parser.add_argument("--quick", action="store_true", help="a fifth to a hundredth of the work")
    parser.add_argument("--tiny", action="store_true", help="next to no work, to see that all of it works")
    parser.add_argument("--no-peers", action="store_true", help="leave out those that have to be installed")
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write all figures")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {arguments.rounds}")
    only = arguments.only or [""]
    cases = [
        (module, case)
        for name, module in names.items()
        if any(part in name for part in only)
        for case in import_module(module).CASES
        if arguments.case in case.title
    ]
    if not cases:
        parser.error(f"nothing is named like --only {only} --case {arguments.case!r}: {', '.join(names)}")
    needed = {one.needs for _, case in cases for one in case.contenders if one.needs is not None}
    facts = report.machine(sorted(needed))
    print(report.described(facts), flush=True)
    size = TINY if arguments.tiny else QUICK if arguments.quick else FULL
    signal.signal(
        signal.SIGTERM, lambda number, frame: sys.exit(f"ended by signal {number}")
    )  # so that runs end, too
    answers: list[Answer] = []
    for module, case in cases:
        answers.append(measure(module, case, size, arguments.rounds, not arguments.no_peers))
        print("", report.table(answers[-1]), sep="\n", flush=True)
        if arguments.json is not None:
            report.write(answers, facts, arguments.json)
    broken = failed(answers)
    if broken:
        sys.exit("did not work: " + ", ".join(figure.contender.title for figure in broken))


if __name__ == "__main__":
    main()
