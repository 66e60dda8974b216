"""Files that are made for each experiment from templates."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from research import Alias, Domain, Executor, Experiment, O, Research
from research.errors import TemplateError

QUIET = {"bar": False, "parallel": False}


def write(**files):
    """Write a folder of templates; '__' in a name stands for a dot, and '___' for a slash."""
    for name, text in files.items():
        path = Path("templates", name.replace("___", "/").replace("__", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return "templates"


def render(config, tmp_path):
    """Fill in the templates for a config; return the files."""
    experiment = Experiment().add_templates("templates")
    (run,) = Executor(experiment, configs=[config], folder=lambda id_: tmp_path / "out").run().experiments
    if run.errors:
        raise run.errors[0].exception
    top = tmp_path / "out"
    return {str(path.relative_to(top)): path.read_text() for path in top.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "how", [{"workers": 2}, {"workers": 2, "start_method": "spawn"}, {"parallel": False}]
)
def test_each_experiment_has_its_own_files(how):
    write(
        settings__ini__j2="lr={{ lr }}\nn={{ model.depth }}\nid={{ id }}\nwhere={{ folder }}\n",
        deep___run__sh__jinja="{% include 'part.j2' %}",
        part__j2="echo {{ names | join(',') }}\n",
        data__bin="{{ not a template }}",
    )
    Path("templates/deep/run.sh.jinja").chmod(0o755)
    study = Research("study", Domain(lr=[0.1, 0.2]) * Domain({"model/depth": [3], "names": [["a", "b"]]}))
    study.add_templates("templates").add_command(
        "sh {folder}/deep/run.sh", lambda done: done.stdout, save_to="x"
    )
    study.save(O("templates"), "files").run(bar=False, **how)
    for row in study.results.df.itertuples():
        folder = Path("study/experiments", row.id).absolute()
        text = f"lr={row.lr}\nn=3\nid={row.id}\nwhere={folder}\n"
        assert (folder / "settings.ini").read_text() == text
        assert (folder / "deep/run.sh").read_text() == "echo a,b\n"
        assert os.access(folder / "deep/run.sh", os.X_OK)
        assert (folder / "data.bin").read_text() == "{{ not a template }}"
        assert sorted(row.files) == ["data.bin", "deep/run.sh", "part", "settings.ini"]
        assert row.x == "a,b\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one\n{{ lrr }}\n", r"templates/a.j2:2: there is no 'lrr'; did you mean 'lr'"),
        ("one\n\n{{ model.dpeth }}", r"templates/a.j2:3: there is no 'dpeth'; did you mean 'depth'"),
        ("{{ lr.x.y }}", r"templates/a.j2:1: 'float object' has no attribute 'x'"),
        ("{{ 1 / 0 }}", r"templates/a.j2:1: ZeroDivisionError"),
        ("\n{% include 'b.j2' %}", r"templates/a.j2:2: TemplateNotFound: "),
    ],
)
def test_what_is_not_defined_is_told_with_file_line_and_near_matches(text, said, tmp_path):
    write(a__j2=text)
    with pytest.raises(TemplateError, match=said):
        render({"lr": 0.1, "model/depth": 3}, tmp_path)


def test_errors_in_a_template_that_another_includes_are_told_where_they_are(tmp_path):
    write(a__j2="{% include 'b.j2' %}", b__j2="\n\n{{ lrr }}")
    with pytest.raises(TemplateError, match=r"templates/b.j2:3: there is no 'lrr'"):
        render({"lr": 0.1}, tmp_path)


def test_what_may_be_missing_can_be_asked_for(tmp_path):
    write(a__j2="{% if lrr is defined %}yes{% else %}no{% endif %} {{ lrr | default(5) }}")
    assert render({"lr": 0.1}, tmp_path) == {"a": "no 5"}


def test_values_are_plain(tmp_path):
    write(a__j2="{{ f }} {{ t | tojson }} {{ text }} {{ none }} {{ config['a-b'] }}")
    config = {"f": Alias(max, "the max"), "t": (1, 2), "text": "<&é>", "none": None, "a-b": 5}
    assert render(config, tmp_path) == {"a": "the max [1, 2] <&é> None 5"}


def test_one_experiment_that_cannot_be_filled_in_fails_alone():
    write(a__j2="{{ 1 / n }}")
    study = Research("study", Domain(n=[1, 0, 2])).add_templates("templates").run(bar=False, workers=1)
    assert study.monitor.counts == {"done": 2, "failed": 1}


@pytest.mark.parametrize(
    ("files", "error", "said"),
    [
        ({}, ValueError, "there is none at 'templates'"),
        ({"a__j2": "\n{% if %}"}, TemplateError, r"templates/a.j2:2: Expected an expression"),
        ({"a__j2": "x", "a": "y"}, ValueError, "'templates/a.j2' would become 'a', as 'a' does"),
        ({"stdout__txt": "x"}, ValueError, "would become 'stdout.txt', as the study does"),
    ],
)
def test_what_is_no_folder_of_templates_is_refused_at_once(files, error, said):
    write(**files)
    with pytest.raises(error, match=said):
        Experiment().add_templates("templates")


def test_other_mistakes_are_told():
    Path("empty").mkdir()
    with pytest.raises(ValueError, match="there is no file in 'empty'"):
        Experiment().add_templates("empty")
    with pytest.raises(TypeError, match="must be the path of a folder, got 5"):
        Experiment().add_templates(5)
    Path("empty/a.j2").write_bytes(b"\xff")
    with pytest.raises(TemplateError, match=r"'empty/a.j2' is no text"):
        Experiment().add_templates("empty")


def test_without_jinja_the_error_names_the_extra(monkeypatch):
    write(a="x")
    monkeypatch.setattr("research.experiment.rendering.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"domain-research\[templates\]"):
        Experiment().add_templates("templates")


def test_a_name_that_means_two_things_is_refused():
    write(a__j2="{{ folder }}")
    study = Research("study", Domain(folder=["x"])).add_templates("templates")
    with pytest.raises(ValueError, match="'folder', which is a parameter, and also"):
        study.run(**QUIET)
    write(a__j2="{{ x }}")
    Research("study", Domain(folder=["x"], x=[1])).add_templates("templates").run(**QUIET)


def test_other_templates_are_other_code():
    write(a__j2="{{ n }}")
    study = Research("study", Domain(n=[1])).add_templates("templates").run(bar=False, workers=1)
    study.run(bar=False, resume=True)
    write(a__j2="{{ n + 1 }}")
    with pytest.raises(Exception, match="code_changed"):
        Research("study", Domain(n=[1, 2])).add_templates("templates").run(bar=False, resume=True)
