"""From results to tables and back to single values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import SGDRegressor

from research import EC, EP, Alias, Domain, E, O, Research, ResearchResults

POINTS = np.linspace(-1, 1, 40)[:, None]
TARGETS = 2 * POINTS[:, 0] + 1


def fit(rate, n_epochs, seed):
    """Yield a line after each epoch of fitting it."""
    model = SGDRegressor(learning_rate="constant", eta0=rate, random_state=seed)
    for _ in range(n_epochs):
        yield model.partial_fit(POINTS, TARGETS)


def error(model):
    return float(np.abs(model.predict(POINTS) - TARGETS).mean())


def define():
    rates = Domain({Alias("rate", "r"): [Alias(0.1, "fast"), Alias(0.001, "slow")]})
    seed = E().random.integers(1000).item()
    return (
        Research(domain=rates * Domain(n_epochs=[4]), n_reps=3)
        .add_generator("fit", fit, kwargs=EC(), seed=seed)
        .add_callable(error, model=O("fit"), save_to="error")
        .save(O("fit").coef_, "slope", when=2)
        .save(O("fit"), "model", when="%3")
        .add_callable(
            "note",
            lambda folder, value: (folder / "error.txt").write_text(str(value)),
            folder=EP(),
            value=O("error"),
            when="%3",
        )
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    name = str(tmp_path_factory.mktemp("results") / "lines")
    study = define().run(name, workers=2, seed=1, bar=False)
    assert study.monitor.exceptions == []
    return name


@pytest.mark.parametrize("dump_results", [True, False])
def test_a_study_without_a_name_is_read_the_same_from_its_folder_and_from_memory(dump_results, folder):
    study = define().run(workers=2, seed=1, bar=False, dump_results=dump_results)
    assert isinstance(study.results, ResearchResults)
    pd.testing.assert_frame_equal(
        study.results.to_df(name="error"), ResearchResults(folder).to_df(name="error"), check_exact=True
    )
    if dump_results:
        assert ResearchResults("research").df["error"].tolist() == study.results.df["error"].tolist()


def test_curves_of_repetitions_are_a_pivot_of_the_table(folder):
    table = ResearchResults(folder).to_df(
        name="error", use_alias=True, concat_config=True, drop_columns=False, remove_auxilary=False
    )
    assert table.columns.tolist() == [
        "id", "config", "r", "n_epochs", "repetition", "updates", "device", "iteration", "error"
    ]  # fmt: skip
    assert table["config"].unique().tolist() == ["r_fast-n_epochs_4", "r_slow-n_epochs_4"]
    for config, rows in table.groupby("config"):
        curves = rows.pivot(index="iteration", columns="repetition", values="error")
        assert curves.shape == (4, 3)
        assert (curves.iloc[3] < curves.iloc[0]).all(), config


def test_heavy_values_are_loaded_for_the_experiments_that_are_asked_for(folder):
    results = ResearchResults(folder).load(load_objects=True, rate=0.1, name=["model", "slope"], iterations=3)
    assert len(results.results) == 3
    for variables in results.results.values():
        assert set(variables) == {"model", "slope"}
        assert error(variables["model"][3]) < 0.6
        np.testing.assert_array_equal(variables["slope"][3], variables["model"][3].coef_)
    assert results.configs.keys() == results.results.keys()


def test_one_value_is_asked_for_by_all_it_goes_by(folder):
    results = ResearchResults(folder)
    identity = (
        results.configs_to_df(remove_auxilary=False).query("r == 'slow' and repetition == 1")["id"].item()
    )
    table = results.to_df(experiment_id=identity, name="error", iterations=3, pivot=False)
    assert table["value"].tolist() == [results.results[identity]["error"][3]]
    assert table["rate"].tolist() == [0.001]
    assert results.to_df(experiment_id=identity, alias={"r": "fast"}).empty


def test_files_of_experiments_hold_what_the_table_holds(folder):
    results = ResearchResults(folder)
    files = results.artifacts_to_df(name="error.txt", rate=0.1)
    written = [float((Path(folder) / path).read_text()) for path in files["path"]]
    assert written == results.to_df(rate=0.1, name="error", iterations=3)["error"].tolist()
