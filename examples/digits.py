"""Two kinds of model on handwritten digits: which settings are best, and how sure is that?

A linear model is trained by epochs, with a learning rate drawn from a log-uniform distribution, and
saves its loss and accuracy after each; a kernel machine is fitted at once. Every configuration is run
three times, with splits and initial states of its own.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from research import EC, Domain, E, Research
from samplers import ScipySampler

EPOCHS = 15
images, digits = load_digits(return_X_y=True)
images = images / images.max()


def train(model, random, **settings):
    """Fit one model; give its loss and accuracy on held-out images after each epoch."""
    seed = int(random.integers(2**31))
    x_train, x_test, y_train, y_test = train_test_split(images, digits, random_state=seed)
    if model == "svm":
        machine = SVC(**settings).fit(x_train, y_train)
        yield {"accuracy": machine.score(x_test, y_test)}
        return
    rate, alpha = settings["rate"], settings["alpha"]
    linear = SGDClassifier("log_loss", alpha=alpha, learning_rate="constant", eta0=rate, random_state=seed)
    for _ in range(EPOCHS):
        linear.partial_fit(x_train, y_train, classes=np.unique(digits))
        loss = log_loss(y_test, linear.predict_proba(x_test))
        yield {"accuracy": linear.score(x_test, y_test), "loss": loss}


linear = Domain(model=["linear"], alpha=[1e-5, 1e-4, 1e-3], rate=ScipySampler("loguniform", a=1e-3, b=1.0))
kernels = Domain(kernel=["rbf"], gamma=[0.03, 0.3]) + Domain(kernel=["linear"])
domain = linear + Domain(model=["svm"], C=[0.1, 1, 10]) * kernels


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="studies/digits", help="folder of the study; replaced if it exists")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if (Path(arguments.name) / "research.db").exists():
        shutil.rmtree(arguments.name)

    study = Research(arguments.name, domain, n_reps=3)
    study.add_generator("train", train, random=E().random, kwargs=EC(), save_output_dict=True)
    study.run(workers=arguments.workers, seed=1)

    epochs = study.results.to_df()
    last = epochs.groupby("id").last()  # each experiment's final epoch
    settings = [name for name in domain.names if name in last]
    table = last.groupby(settings, dropna=False)["accuracy"].agg(["mean", "std", "count"])
    best = table.sort_values("mean", ascending=False).reset_index().head(8)
    print(f"\n{len(domain)} configurations, 3 repetitions each, {len(epochs)} rows of results. The best:\n")
    print(best.to_string(index=False, na_rep="", float_format=lambda number: f"{number:.4g}"))
    print(f"\nEvery number is in {Path(arguments.name) / 'research.db'}; read it with")
    print(f"    ResearchResults({arguments.name!r}).to_df(model='linear')")


if __name__ == "__main__":
    main()
