"""Real pipelines that train something small: a linear classifier on points of two classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from batchflow import B, Batch, C, Dataset, Pipeline, V
from sklearn.linear_model import SGDClassifier

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(2, size=200)
POINTS = RANDOM.normal(size=(200, 3)) + 2 * LABELS[:, None]


class Points(Batch):
    components = "x", "y"


DATA = Dataset(200, Points, preloaded=(POINTS, LABELS))


class Classifier:
    """A scikit-learn model as batchflow wants one."""

    def __init__(self, config: Any) -> None:
        self.model = SGDClassifier(alpha=config["alpha"], random_state=0)
        self.n_updates = 0

    def train(self, x: Any, y: Any) -> float:
        """Train on a batch and return the accuracy on it."""
        self.model.partial_fit(x, y, classes=[0, 1])
        self.n_updates += 1
        return self.predict(x, y)

    def predict(self, x: Any, y: Any) -> float:
        """Return the accuracy on a batch."""
        return float(self.model.score(x, y))


def make_training(**run: Any) -> Pipeline:
    """Return a pipeline that trains, batch by batch."""
    return (
        Pipeline()
        .init_variable("accuracy", 0.0)
        .init_model("model", Classifier, "dynamic", config={"alpha": C("alpha", default=1e-4)})
        .train_model("model", B.x, B.y, save_to=V("accuracy"))
        .run_later(20, **{"n_epochs": 1, "shuffle": 7, **run})
        << DATA
    )


def make_testing() -> Pipeline:
    """Return a pipeline that tests the model of another one."""
    return (
        Pipeline()
        .init_variable("right", [])
        .import_model("model", C("import_from"))
        .predict_model("model", B.x, B.y, save_to=V("right", mode="a"))
        .run_later(50, n_epochs=1, shuffle=False)
        << DATA
    )
