"""Pruned: how much of a study is left to do when what is hopeless ends early, and what that costs.

72 settings of a network on the digits of scikit-learn, 27 epochs each, in a random order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.question import Case, Contender, check, main

EPOCHS = 27  # but for a few settings three


def train(rate: float, hidden: int, penalty: float, random: Any) -> Iterator[float]:
    """Yield the accuracy on images that were held out, epoch by epoch."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    images, labels = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(images / 16, labels, random_state=0)
    seed = int(random.integers(2**31))
    model = MLPClassifier(hidden, learning_rate_init=rate, alpha=penalty, random_state=seed)
    while True:
        model.partial_fit(x, y, classes=range(10))
        yield model.score(x_test, y_test)


def _epochs(count: int) -> int:
    return EPOCHS if count > 10 else 3


def accuracies(count: int, rule: Any) -> Any:
    """Run the study; return what was saved, as a table."""
    from research import EC, Domain, E, Research

    rates = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
    domain = Domain(rate=rates, hidden=[8, 32, 128], penalty=[1e-4, 1e-2, 1.0]).shuffle(0)[:count]
    study = Research("digits", domain)
    given = {name: EC(name) for name in ("rate", "hidden", "penalty")}
    study.add_generator("train", train, **given, random=E().random, save_to="accuracy")
    study.prune(rule, "accuracy", mode="max")
    study.run(workers=2, n_iters=_epochs(count), bar=False, seed=0, dump_results=False)
    done = study.monitor.counts
    check(done.get("done", 0) + done.get("pruned", 0) == count, str(done))
    return study.results.df


def _rules() -> dict[str, Any]:
    from research import Median, Patience, SuccessiveHalving

    return {
        "everything": None,
        "SuccessiveHalving(1, 3)": SuccessiveHalving(1, 3),
        "SuccessiveHalving(3, 3)": SuccessiveHalving(3, 3),
        "Median(min_iters=3)": Median(min_iters=3),
        "Patience(5)": Patience(5),
    }


def _contenders(name: str, measure: Callable[[Any, int], float]) -> tuple[Contender, ...]:
    def contender(title: str) -> Contender:
        def run(count: int) -> float:
            return measure(accuracies(count, _rules()[title]), count)

        run.__name__ = f"{name}_{title}"
        return Contender(title, run, most_rounds=1)

    titles = ("everything", "SuccessiveHalving(1, 3)", "SuccessiveHalving(3, 3)", "Median(min_iters=3)")
    return tuple(map(contender, (*titles, "Patience(5)")))


CASES = (
    Case(
        "epochs that are left to do",
        "setting",
        (72, 24, 4),
        _contenders("epochs", lambda table, count: len(table) / (count * _epochs(count))),
        measure="share",
    ),
    Case(
        "best accuracy",
        "setting",
        (72, 24, 4),
        _contenders("accuracy", lambda table, count: float(table["accuracy"].max())),
        measure="accuracy",
    ),
)

if __name__ == "__main__":
    main(CASES)
