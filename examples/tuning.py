"""Which search finds the best pipeline: breeding, TPE or chance, with as many evaluations each?

Handwritten digits go through a scaler, principal components, an approximate kernel and a linear classifier.
Each search chooses all five settings by cross-validated accuracy, several times with seeds of its own.
"""

import argparse
import shutil
from pathlib import Path

import pandas as pd
from optuna.samplers import TPESampler
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from research import EC, Choice, Domain, Float, Genetic, Int, OptunaRefiner, Research

BATCH = 8  # configs that are evaluated side by side
SCALERS = {"none": "passthrough", "minmax": MinMaxScaler(), "standard": StandardScaler()}
images, digits = load_digits(return_X_y=True)

domain = Domain(
    scaler=Choice(list(SCALERS)),
    components=Int(2, 64, log=True),
    kernel=Choice(["rbf", "poly", "sigmoid"]),
    gamma=Float(1e-5, 1e1, log=True),
    alpha=Float(1e-6, 1e3, log=True),
)


def accuracy(n_images, scaler, components, kernel, gamma, alpha):
    """Return the accuracy on images that the pipeline was not fitted to, the mean over three parts."""
    pipeline = make_pipeline(
        SCALERS[scaler],
        PCA(components, random_state=0),
        Nystroem(kernel=kernel, gamma=gamma, n_components=100, random_state=0),
        RidgeClassifier(alpha=alpha),
    )
    return float(cross_val_score(pipeline, images[:n_images], digits[:n_images], cv=3).mean())


def refiners(generations):
    """Return what makes the next configs of each search; None where all are drawn at the beginning."""
    return {
        "random search": None,
        "Genetic": Genetic("accuracy", parents=BATCH, children=BATCH, generations=generations),
        "TPE": OptunaRefiner("accuracy", TPESampler(), children=BATCH, generations=generations),
    }


def search(name, refiner, evaluations, n_images, workers, seed):
    """Run one search; return the accuracies that it has found, in their order."""
    study = Research(name, domain, n_configs=evaluations if refiner is None else 2 * BATCH)
    study.add_callable(accuracy, n_images=n_images, kwargs=EC(), save_to="accuracy")
    if refiner is not None:
        study.update_domain(refiner)
    return study.run(workers=workers, seed=seed, bar=False).results.df


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--name", default="studies/tuning", help="folder of the studies; replaced if it exists"
    )
    parser.add_argument("--generations", type=int, default=8, help=f"of {BATCH} configs, after {2 * BATCH}")
    parser.add_argument("--seeds", type=int, default=5, help="how often each search is run")
    parser.add_argument("--images", type=int, default=600, help="how many are looked at")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    folder = Path(arguments.name)
    evaluations = (2 + arguments.generations) * BATCH
    rows, best = [], None
    for title, refiner in refiners(arguments.generations).items():
        for seed in range(arguments.seeds):
            name = folder / f"{title.replace(' ', '-')}-{seed}"
            if (name / "research.db").exists():
                shutil.rmtree(name)
            table = search(str(name), refiner, evaluations, arguments.images, arguments.workers, seed)
            found = table["accuracy"]
            rows.append({"search": title, "half": found[: evaluations // 2].max(), "all": found.max()})
            if best is None or found.max() > best["accuracy"]:
                best = table.loc[found.idxmax()]
    print(f"\nThe best accuracy after half of {evaluations} evaluations and after all:\n")
    print(pd.DataFrame(rows).groupby("search", sort=False).agg(["mean", "min", "max"]).round(4).to_string())
    print(
        "\nThe best of all:", *(f"{name}={best[name]}" for name in ["accuracy", *domain.names]), sep="\n    "
    )


if __name__ == "__main__":
    main()
