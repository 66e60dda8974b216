"""Pipelines over two rings of points, and scikit-learn's classifiers as batchflow wants models."""

from __future__ import annotations

from typing import Any

import numpy as np
from batchflow import B, Batch, C, Dataset, Pipeline, V
from sklearn.base import clone
from sklearn.datasets import make_circles
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import PolynomialFeatures

POINTS, RINGS = make_circles(240, factor=0.4, noise=0.05, random_state=3)


class Rings(Batch):
    """Points and the ring that each belongs to."""

    components = "points", "rings"


def make_dataset() -> Dataset:
    """Return all points, not split yet."""
    return Dataset(len(POINTS), Rings, preloaded=(POINTS, RINGS))


DATA = make_dataset()
DATA.split(0.75, shuffle=2)


class Model:
    """A classifier that learns batch by batch, from polynomials of points."""

    blank: Any = SGDClassifier(random_state=0)

    def __init__(self, config: Any) -> None:
        self.features = PolynomialFeatures(config.get("degree", 2))
        self.model = clone(self.blank)
        self.n_batches = 0

    def train(self, points: Any, rings: Any) -> float:
        """Learn from a batch and return the share of errors on it."""
        features = self.features.fit_transform(points)
        self.model.partial_fit(features, rings, classes=[0, 1])
        self.n_batches += 1
        return float(np.mean(self.model.predict(features) != rings))

    def predict(self, points: Any) -> Any:
        """Return a ring for each point."""
        return self.model.predict(self.features.fit_transform(points))


class Bayes(Model):
    """The naive one."""

    blank = GaussianNB()


class Linear(Model):
    """One that sees points as they are, and cannot tell rings from each other by a line."""

    def __init__(self, config: Any) -> None:
        super().__init__({"degree": 1})


def make_training(model: Any = Model, size: int = 30, **run: Any) -> Pipeline:
    """Return a pipeline that trains; say `<< part` of a dataset, or give it batches."""
    pipeline = (
        Pipeline()
        .init_variable("loss")
        .init_model("model", model, config={"degree": C("degree", default=2)})
        .train_model("model", B.points, B.rings, save_to=V("loss"))
    )
    return pipeline.run_later(size, **{"n_epochs": 1, "shuffle": 5, **run}) if run else pipeline


def make_testing() -> Pipeline:
    """Return a pipeline that gathers metrics of another one's model."""
    return (
        Pipeline()
        .init_variable("predicted")
        .init_variable("metrics")
        .import_model("model", C("import_from"))
        .predict_model("model", B.points, save_to=V("predicted"))
        .gather_metrics(
            "class", B.rings, V("predicted"), fmt="labels", num_classes=2, save_to=V("metrics", mode="update")
        )
        .run_later(20, n_epochs=1, shuffle=False)
    )
