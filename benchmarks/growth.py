"""Growth: what an experiment costs where there are few of them, and where there are very many."""

from __future__ import annotations

from benchmarks.question import Case, Contender, main
from benchmarks.short_experiments import research

FLAT = 0.8  # the rate at 10^6, as a ratio to that of fewer: what is flat, within what runs differ by
CASES = (
    Case(
        "short experiments, imports and start included",
        "experiment",
        (10**6, 10**4, 30),
        (
            Contender("research", research, most_rounds=1),
            Contender("a tenth of them", research, counts=(10**5, 10**3, 20), at_least=FLAT),
            Contender("a hundredth", research, counts=(10**4, 10**2, 20), at_least=FLAT),
            Contender("a thousandth", research, counts=(10**3, 10, 10), at_least=FLAT),
        ),
    ),
)

if __name__ == "__main__":
    main(CASES)
