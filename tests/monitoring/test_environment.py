"""What a study was run with is recorded, and nothing fails for want of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from research import Domain, Research, ResearchResults
from research.errors import StudyError, StudyExistsError
from research.monitoring import environment
from research.monitoring.environment import env_meta, git_meta

GIT = {"git_commit", "git_status", "git_diff"}
ENV = {"python", "packages", "platform", "cpu"}


def git(*words):
    """Run git with a name to commit by, and no settings of whoever runs the tests."""
    names = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *words], env={**os.environ, **names, **alone}, check=True, capture_output=True
    )
    return done.stdout.decode()


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Let git find no repository around the tests'."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in [
        name for name in os.environ if name.startswith("GIT_") and name != "GIT_CEILING_DIRECTORIES"
    ]:
        monkeypatch.delenv(name)


@pytest.fixture
def repository():
    git("init", "-q", "-b", "main")
    Path("code.py").write_text("one\n")
    git("add", "code.py")
    git("commit", "-q", "-m", "A first step")
    Path("code.py").write_text("two\n")
    Path("new.py").touch()


def one(name="study", **kwargs):
    return Research(name, Domain(a=[1])).add_callable("f", lambda: 1, save_to="x").run(bar=False, **kwargs)


def program(folder, name, text):
    """Put a program of this name first in the path."""
    path = Path(folder) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(0o755)


@pytest.mark.usefixtures("repository")
def test_the_state_of_a_repository_is_kept_with_the_study():
    study = one(git_meta=True)
    found = study.results.env_meta()
    assert set(found) == GIT
    assert f"commit: {git('rev-parse', 'HEAD').strip()}\n" in found["git_commit"]
    assert "refs: HEAD -> main\nsubject: A first step\n" in found["git_commit"]
    assert found["git_status"] == "## main\n M code.py\n?? new.py\n"
    assert "\n-one\n+two\n" in found["git_diff"]
    assert {path.name for path in Path("study/env").iterdir()} == {f"{name}.txt" for name in GIT}
    assert Path("study/env/git_diff.txt").read_text() == found["git_diff"]


@pytest.mark.usefixtures("repository")
def test_a_repository_is_found_from_any_folder_in_it(tmp_path, monkeypatch):
    Path("deep/er").mkdir(parents=True)
    expected = git_meta()
    assert git_meta("deep/er").texts == {
        **expected.texts,
        "git_status": "## main\n M ../../code.py\n?? ../../new.py\n",
    }
    monkeypatch.chdir("/")
    assert git_meta(tmp_path) == expected


@pytest.mark.usefixtures("repository")
def test_looking_changes_nothing_in_the_repository():
    before = {path: path.stat().st_mtime_ns for path in Path(".git").rglob("*")}
    os.utime("code.py")
    git_meta()
    assert {path: path.stat().st_mtime_ns for path in Path(".git").rglob("*")} == before


@pytest.mark.usefixtures("repository")
def test_programs_that_a_repository_names_are_not_run(tmp_path):
    program(tmp_path / "bin", "spy", f"open({str(tmp_path / 'seen')!r}, 'w')")
    spy = str(tmp_path / "bin" / "spy")
    for name in ("diff.external", "diff.x.command", "diff.x.textconv", "core.fsmonitor", "core.pager"):
        git("config", name, spy)
    Path(".gitattributes").write_text("*.py diff=x\n")
    assert "+two" in git_meta().texts["git_diff"]
    assert not Path("seen").exists()


@pytest.mark.usefixtures("repository")
def test_texts_are_kept_byte_for_byte():
    Path("code.py").write_bytes(b"caf\xe9\r\n\xf0\x9f\x98\x80\n")
    study = one(git_meta=True)
    assert b"+caf\xe9\r\n+\xf0\x9f\x98\x80\n" in Path("study/env/git_diff.txt").read_bytes()
    assert study.results.env_meta() == git_meta_of("study")


def git_meta_of(name):
    files = Path(name, "env").iterdir()
    return {file.stem: file.read_bytes().decode("utf-8", "surrogateescape") for file in files}


def test_a_repository_without_a_commit_has_a_status():
    git("init", "-q", "-b", "main")
    Path("new.py").touch()
    found = git_meta()
    assert found.texts == {"git_status": "## No commits yet on main\n?? new.py\n"}
    assert [problem.split(":")[0] for problem in found.problems] == [
        "git_commit was not recorded for '.'",
        "git_diff was not recorded for '.'",
    ]


def test_where_there_is_no_repository_the_log_says_so():
    study = one(git_meta=True)
    assert study.results.df["x"].tolist() == [1]
    assert study.results.env_meta() == {}
    log = Path("study/research.log").read_text()
    assert "WARNING no state of a git repository was recorded for '.': fatal: not a git repository" in log


@pytest.mark.parametrize("folder", [".", "no/such/folder"])
def test_without_git_the_log_says_so(folder, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    reason = "there is no git on this machine" if folder == "." else "there is no such folder"
    assert git_meta(folder) == ({}, (f"no state of a git repository was recorded for {folder!r}: {reason}",))


def test_a_program_that_does_not_answer_is_not_waited_for(tmp_path, monkeypatch):
    program(tmp_path / "bin", "git", "import time; time.sleep(60)")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(environment, "SECONDS", 0.2)
    assert "git took more than 0.2 seconds" in git_meta().problems[0]


def test_what_python_runs_on_is_kept_with_the_study():
    study = one(env_meta=True)
    found = study.results.env_meta()
    assert set(found) >= ENV
    assert sys.version.split()[0] in found["python"]
    packages = found["packages"].splitlines()
    numpy = __import__("numpy").__version__
    assert f"numpy=={numpy}" in packages
    names = [line.split("==")[0].lower() for line in packages]
    assert names == sorted(names)
    assert "available cores: " in found["cpu"]
    assert set(found) == {path.stem for path in Path("study/env").iterdir()}
    assert ResearchResults("study").env_meta() == found


def test_secrets_of_the_environment_are_not_recorded(monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "s3cret-value")
    assert not any("s3cret-value" in text for text in env_meta().texts.values())


def test_gpus_are_listed_where_there_is_a_program_for_it(tmp_path, monkeypatch):
    answer = "import sys; print('GPU 0: H200' if sys.argv[1] == '-L' else 'index, name\\n0, H200')"
    program(tmp_path / "bin", "nvidia-smi", answer)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    assert env_meta().texts["gpus"] == "GPU 0: H200\n\nindex, name\n0, H200\n"


def test_gpus_whose_driver_is_broken_are_a_warning(tmp_path, monkeypatch):
    program(tmp_path / "bin", "nvidia-smi", "print('no driver'); raise SystemExit(9)")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    study = one(env_meta=True)
    assert "gpus" not in study.results.env_meta()
    assert "WARNING gpus were not recorded: no driver" in Path("study/research.log").read_text()


def test_without_being_asked_for_nothing_is_recorded():
    study = one()
    assert study.results.env_meta() == {}
    assert not Path("study/env").exists()


def test_a_study_in_memory_has_it_too():
    study = one(dump_results=False, env_meta=True)
    assert set(study.results.env_meta()) >= ENV
    assert os.listdir() == []


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("dump_results", [True, False])
def test_what_was_attached_before_goes_with_the_next_run_only(dump_results):
    study = Research("one").add_callable("f", lambda: 1, save_to="x")
    assert study.attach_git_meta().attach_env_meta() is study
    study.run(bar=False, dump_results=dump_results)
    assert set(study.results.env_meta()) >= GIT | ENV
    assert study.run("two", bar=False, dump_results=dump_results).results.env_meta() == {}


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("dump_results", [True, False])
def test_what_is_attached_afterwards_is_there_at_once(dump_results):
    study = one(dump_results=dump_results, git_meta=True)
    study.attach_env_meta()
    assert set(study.results.env_meta()) >= GIT | ENV


def test_a_loaded_study_gets_it_in_its_folder():
    one()
    loaded = Research.load("study").attach_env_meta().attach_git_meta()
    assert set(loaded.results.env_meta()) == set(ResearchResults("study").env_meta()) >= ENV
    assert "no state of a git repository" in Path("study/research.log").read_text()


def test_a_run_that_came_to_nothing_leaves_what_was_attached():
    Path("taken").mkdir()
    Path("taken/file").touch()
    study = Research("taken").add_callable("f", lambda: 1, save_to="x").attach_env_meta()
    with pytest.raises(StudyExistsError):
        study.run(bar=False)
    assert set(study.run("free", bar=False).results.env_meta()) >= ENV


def test_files_that_cannot_be_written_are_named():
    one()
    Path("study/env").touch()
    with pytest.raises(StudyError, match=r"env/.* cannot be written"):
        Research.load("study").attach_env_meta()


def test_a_study_with_it_can_be_removed_and_copied():
    study = one(env_meta=True)
    study.results.env_meta()["python"] = "changed"
    assert study.results.env_meta()["python"] != "changed"
    Research.remove("study", ask=False)
    assert os.listdir() == []


@pytest.mark.parametrize("name", ["git_meta", "env_meta"])
@pytest.mark.parametrize("value", [1, None, "yes"])
def test_arguments_of_run_are_bools(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be True or False, got {value!r}"):
        one(**{name: value})
    assert os.listdir() == []


def test_folders_are_paths():
    with pytest.raises(TypeError, match="`cwd` must be a folder in the repository, got int 1"):
        Research().attach_git_meta(1)
