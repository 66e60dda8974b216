"""Experiments as jobs for another machine, and their results brought back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from research import Domain, Research, ResearchResults
from research.errors import StudyError, StudyExistsError, StudyNotFoundError, TemplateError
from samplers import NumpySampler

AWKWARD = ["a b", "$(touch hacked)", 'it\'s "so"', "two\nlines"]


def submit(batch):
    """Run a batch as another machine would: without this library, and nothing of this process."""
    variables = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", f"{batch}/submit.sh"], env=variables, check=False, cwd="/")


def echo(values, name="study", **how):
    """Return a study whose program prints its parameter."""
    study = Research(name, Domain(x=values))
    return study.add_command(["printf", "%s\n", "heard {x}", '{{"y": {x}}}'], **how)


def job_of(batch, x):
    paths = Path(batch, "jobs").glob("*/config.json")
    (found,) = [path.parent for path in paths if json.loads(path.read_text())["x"] == x]
    return found


def test_a_batch_runs_without_the_library_and_its_results_are_as_any_others():
    Path("top").mkdir()
    study = Research("top/study", Domain(x=[2.5]) * Domain({"m/t": AWKWARD}), n_reps=2)
    code = "import json, sys; print(json.dumps({'args': sys.argv[1:], 'twice': 2 * float(sys.argv[1])}))"
    code = code.replace("{", "{{").replace("}", "}}")
    study.add_command(["{python}", "-I", "-S", "-c", code, "{x}", "{m/t}", "{id}"])
    batch = study.export_batch(seed=1, note="for elsewhere")
    assert batch == Path("top/study-batch").absolute()
    shutil.move(batch, "elsewhere")
    submit(Path("elsewhere").absolute())
    assert not list(Path().rglob("hacked"))
    results = ResearchResults.import_batch("elsewhere", into="top/study")
    table = results.load(load_objects=True).df
    assert len(table) == 8
    assert (table["twice"] == 2 * table["x"]).all()
    assert [args[1:] for args in table["args"]] == table[["m/t", "id"]].to_numpy().tolist()
    here = Research("here", study.domain, study.experiment, n_reps=2).run(seed=1, bar=False, workers=2)
    assert table["twice"].tolist() == here.results.df["twice"].tolist()
    assert table["id"].tolist() == here.results.df["id"].tolist()
    assert results.study.outcome == "done"
    assert results.runs["note"].tolist() == ["for elsewhere"]
    assert set(results.statuses_to_df()["status"]) == {"done"}


def test_what_has_no_results_stays_queued_and_only_what_is_new_is_brought_back():
    batch = echo([1, 2, 3]).export_batch()
    shutil.move(job_of(batch, 2), "later")
    submit(batch)
    results = ResearchResults.import_batch(batch)
    assert results.df["y"].dropna().tolist() == [1, 3]
    assert results.statuses_to_df()["status"].tolist() == ["done", "queued", "done"]
    assert results.study.outcome == "stopped"
    first = results.statuses_to_df()
    job_of(batch, 1).joinpath("stdout.txt").write_text('{"y": 100}')
    shutil.move("later", Path(batch, "jobs", first["id"][1]))
    submit(batch)
    results = ResearchResults.import_batch(batch)
    assert results.df["y"].tolist() == [1, 2, 3]
    assert results.statuses_to_df()["finished"][0] == first["finished"][0]
    assert results.log(first["id"][1], "stdout") == 'heard 2\n{"y": 2}\n'
    assert results.study.outcome == "done"
    assert ResearchResults.import_batch(batch).df["y"].tolist() == [1, 2, 3]


def test_the_rest_of_a_batch_can_be_run_here():
    study = echo([1, 2, 3])
    batch = study.export_batch()
    shutil.rmtree(job_of(batch, 2))
    submit(batch)
    ResearchResults.import_batch(batch)
    loaded = Research.load("study").run(bar=False, workers=1)
    assert loaded.monitor.counts == {"done": 3}
    assert loaded.results.df["y"].tolist() == [1, 2, 3]


def test_a_job_that_has_failed_says_how_and_may_be_run_again():
    study = Research("study", Domain(x=[1, 2]))
    check = 'test -e ../../allowed || test {x} = 1 || {{ echo "no {x}" >&2; exit 3; }}'
    study.add_command(check + "; echo '{{\"y\": 1}}'", shell=True)
    batch = study.export_batch()
    submit(batch)
    results = ResearchResults.import_batch(batch)
    assert results.statuses_to_df()["status"].tolist() == ["done", "failed"]
    error = results.statuses_to_df()["error"][1]
    assert error.endswith("it ended with exit code 3; the end of its output:\nno 2")
    Path(batch, "allowed").touch()
    submit(batch)
    os.utime(job_of(batch, 2) / "status")
    results = ResearchResults.import_batch(batch)
    assert results.df["y"].tolist() == [1, 1]
    assert results.statuses_to_df()["attempt"].tolist() == [1, 2]
    assert results.log(results.statuses_to_df()["id"][1], "stderr") == ""


@pytest.mark.parametrize(
    ("script", "values"),
    [
        ("echo '{\"y\": 5}' > result.json; echo no JSON", {"y": {0: 5}}),
        ("echo '{\"y\": 5}'", {"y": {0: 5}}),
        (
            "for i in 0 2; do\n"
            'echo "{\\"iteration\\": $i, \\"values\\": {\\"y\\": $i.5}}" >> "$RESEARCH_REPORT"\ndone',
            {"y": {0: 0.5, 2: 2.5}},
        ),
        ('echo \'{"values": {"y": null}}\' >> reports.jsonl', {"y": {0: None}}),
    ],
)
def test_a_script_of_ones_own_gives_results_in_any_way(script, values):
    Path("templates").mkdir()
    Path("templates/run.sh").write_text(f"{script}\n")
    Path("templates/settings.ini.j2").write_text("x={{ x }} in {{ folder }}\n")
    study = Research("study", Domain(x=[7])).add_callable("anything", print)
    batch = study.export_batch("templates")
    assert (job_of(batch, 7) / "settings.ini").read_text() == "x=7 in .\n"
    submit(batch)
    results = ResearchResults.import_batch(batch)
    assert list(results.results.values()) == [values]
    assert "settings.ini" in set(results.artifacts_to_df()["name"])


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("echo nothing", "its last line is no JSON, 'nothing'"),
        ("true", "it has given no result"),
        ("echo '[1]'", r"its result is \[1\], and no dict"),
        ("echo '{\"x\": 1}'", "must not be named 'x': that is a parameter"),
        ("echo '{' >> reports.jsonl", "a report is no JSON"),
        ("ln -s /etc/passwd result.json", "leads out of"),
    ],
)
def test_a_job_without_a_result_fails_and_no_other(said, text):
    Path("templates").mkdir()
    Path("templates/run.sh.j2").write_text(
        f"if [ {{{{ x }}}} = 1 ]; then {said}; else echo '{{\"y\": 2}}'; fi\n"
    )
    batch = Research("study", Domain(x=[2, 1])).export_batch("templates")
    submit(batch)
    results = ResearchResults.import_batch(batch)
    assert results.df["y"].dropna().tolist() == [2]
    assert results.statuses_to_df()["error"].dropna().str.contains(text).all()
    assert results.statuses_to_df()["status"].tolist() == ["done", "failed"]


def test_a_job_of_an_array_of_slurm_runs_its_line():
    batch = echo([1, 2]).export_batch(None, "slurm", time="01:00:00", partition="gpu", parallel=4)
    text = Path(batch, "submit.sh").read_text()
    assert "\n#SBATCH --array=1-2%4\n#SBATCH --output=slurm-%A_%a.out\n#SBATCH --time=01:00:00\n" in text
    assert "#SBATCH --partition=gpu\n\ncd " in text
    assert "account" not in text
    shutil.copy(Path(batch, "submit.sh"), "spooled.sh")  # as sbatch does
    subprocess.run(
        ["sh", "spooled.sh"],
        env={"PATH": os.environ["PATH"], "SLURM_ARRAY_TASK_ID": "2", "SLURM_SUBMIT_DIR": str(batch)},
        check=True,
    )
    assert ResearchResults.import_batch(batch).statuses_to_df()["status"].tolist() == ["queued", "done"]


def test_machines_of_ones_own():
    Path("machine").mkdir()
    Path("machine/submit.sh.j2").write_text("# {{ name }} {{ n_jobs }} {{ queue }} {{ jobs[0] }}\n")
    Path("machine/extra.txt").write_text("kept")
    batch = echo([1], name="my study").export_batch(machine="machine", queue="long", into="batch")
    (job,) = Path("batch/jobs").iterdir()
    assert Path("batch/submit.sh").read_text() == f"# my_study 1 long {job.name}\n"
    assert Path("batch/extra.txt").read_text() == "kept"
    assert batch == Path("batch").absolute()


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ({"machine": "slrum"}, ValueError, r"one of \['local', 'slurm'\] or the path.*did you mean 'slurm'"),
        ({"machine": "slurm", "tmie": "1:00"}, ValueError, "no setting 'tmie'; did you mean 'time'"),
        ({"machine": "empty"}, ValueError, "there is no file in 'empty'"),
        ({"machine": "odd"}, ValueError, "must hold a template 'submit.sh.j2'"),
        ({"machine": 3}, TypeError, "`machine` must be a name"),
        ({"templates": "nowhere"}, ValueError, "`templates` must be the path of a folder"),
        ({"templates": "broken"}, TemplateError, r"broken/a.j2:1: there is no 'xx'"),
        ({"into": "odd"}, StudyExistsError, "exists already: give another `into`"),
        ({"into": "study/batch"}, ValueError, "`into` must not be in the study's own folder"),
    ],
)
def test_what_cannot_be_exported_leaves_nothing(how, error, said):
    for name in ("empty", "odd", "broken"):
        Path(name).mkdir()
    Path("odd/x").touch()
    Path("broken/a.j2").write_text("{{ xx }}")
    before = set(Path().rglob("*"))
    with pytest.raises(error, match=said):
        echo([1]).export_batch(**how)
    assert set(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("study", "said"),
    [
        (Research("study").add_callable("f", print), "the unit 'f' is run by this library"),
        (Research("study"), "there is nothing to run"),
        (echo([1], parse=len), "has a function `parse`"),
        (echo([1], when="last"), "has a `when`"),
        (
            echo([1]).add_command("true"),
            "'command' cannot go into a job: results are those of the last command",
        ),
        (echo([1]).update_domain(lambda: None), "functions that update the domain"),
    ],
)
def test_what_only_this_library_can_run_is_refused(study, said):
    with pytest.raises(StudyError, match=said):
        study.export_batch()
    assert not list(Path().iterdir())


def test_an_endless_domain_needs_a_number_and_draws_are_those_of_a_run():
    study = Research("study", Domain(x=NumpySampler("u"))).add_command(["echo", '{{"y": {x}}}'])
    with pytest.raises(ValueError, match="`n_configs`"):
        study.export_batch()
    study = Research("study", study.domain, study.experiment, n_configs=3)
    batch = study.export_batch(seed=5)
    submit(batch)
    there = ResearchResults.import_batch(batch).df
    here = Research("here", study.domain, study.experiment, n_configs=3).run(
        seed=5, bar=False, parallel=False
    )
    assert there["y"].tolist() == here.results.df["y"].tolist()


def test_a_batch_of_another_study_is_refused():
    batch = echo([1]).export_batch(seed=1)
    echo([1], "other").export_batch(seed=2)
    echo([2], "third").export_batch(seed=1)
    with pytest.raises(StudyError, match="it is another study's"):
        ResearchResults.import_batch(batch, into="other")
    with pytest.raises(StudyError, match="no such experiment"):
        ResearchResults.import_batch(batch, into="third")
    with pytest.raises(StudyNotFoundError, match="say where it is, by `into`"):
        ResearchResults.import_batch(batch, into="nowhere")
    with pytest.raises(StudyNotFoundError, match="there is no batch in"):
        ResearchResults.import_batch("study")
    Path(batch, "batch.json").write_text("{")
    with pytest.raises(StudyError, match="cannot be read"):
        ResearchResults.import_batch(batch)
    with pytest.raises(StudyExistsError):
        echo([1]).export_batch(into="again")
