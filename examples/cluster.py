"""How long is boosting worth while? Learning curves of gradient boosting on handwritten digits.

The same script runs on the cores of a laptop and on a cluster:

    python examples/cluster.py
    python examples/cluster.py --backend dask
    python examples/cluster.py --backend dask --address tcp://10.0.0.1:8786 --workers auto
    python examples/cluster.py --backend ray --address auto --workers 64

It can be stopped and started again, with whichever backend: what is done is not done twice.
"""

import argparse

import joblib
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split

from research import EC, EP, Domain, E, Research


def boost(rate, depth, n_stages, random, folder):
    """Yield the accuracy on images that were not trained on, stage by stage; keep the model in the end."""
    images, digits = load_digits(return_X_y=True)  # where the worker is
    seed = int(random.integers(2**31))
    x_train, x_test, y_train, y_test = train_test_split(images, digits, train_size=400, random_state=seed)
    model = GradientBoostingClassifier(
        learning_rate=rate, max_depth=depth, warm_start=True, random_state=seed
    )
    for stage in range(1, n_stages + 1):
        model.set_params(n_estimators=stage).fit(x_train, y_train)
        yield model.score(x_test, y_test)
    joblib.dump(model, folder / "model.joblib")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="studies/cluster", help="folder of the study")
    parser.add_argument("--backend", choices=["processes", "dask", "ray"], default="processes")
    parser.add_argument("--address", help="of a cluster; default: one on this machine, for this run")
    parser.add_argument("--workers", default="2", help="how many, or 'auto'")
    parser.add_argument("--stages", type=int, default=12)
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()

    domain = Domain(rate=[0.05, 0.2, 0.8]) * Domain(depth=[1, 3])
    study = Research(arguments.name, domain, n_reps=arguments.repetitions)
    study.add_generator(
        boost,
        rate=EC("rate"),
        depth=EC("depth"),
        n_stages=arguments.stages,
        random=E().random,
        folder=EP(),
        save_to="accuracy",
    )
    study.run(
        workers=arguments.workers if arguments.workers == "auto" else int(arguments.workers),
        backend=arguments.backend,
        address=arguments.address,
        seed=1,
        resume=True,
    )
    results = study.results
    print(f"\nAccuracy after {arguments.stages} stages, over {arguments.repetitions} repetitions:\n")
    last = results.aggregate("accuracy", over="repetition")
    print(last.round(3).to_string(index=False))
    files = results.artifacts_to_df()
    print(f"\n{len(files)} models, such as {arguments.name}/{files['path'].iloc[0]}")


if __name__ == "__main__":
    main()
