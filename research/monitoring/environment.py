"""What a study was run with: the state of a git repository, Python, packages, and the machine."""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from research.errors import cannot_write
from research.storage.folder import ENVIRONMENT
from research.storage.places import Place

if TYPE_CHECKING:
    from importlib.metadata import Distribution

SECONDS = 60.0  # that a program may take to answer
SOON = 5.0  # seconds, where each run waits for it
_GIT = ("git", "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
_GIT_ANSWERS = {
    "git_commit": ("log", "-1", "--no-color", "--format=commit: %H%ndate: %cI%nrefs: %D%nsubject: %s"),
    "git_status": ("status", "--short", "--branch"),
    # what git has found, not what programs of somebody's settings make of it
    "git_diff": ("diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv"),
}
_GPUS = ("index", "name", "uuid", "memory.total", "driver_version", "compute_cap")


class Meta(NamedTuple):
    """What was found out, and what was not.

    Attributes
    ----------
    texts : mapping of str to str
        By the names of their files, without '.txt'.
    problems : tuple of str
        What could not be found out, and why.
    """

    texts: Mapping[str, str]
    problems: tuple[str, ...] = ()

    def __or__(self, other: Meta) -> Meta:
        """Return both; of two texts for one name the later one."""
        return Meta({**self.texts, **other.texts}, (*self.problems, *other.problems))


class Unanswered(Exception):
    """A program has not said what it was asked for."""


def git_meta(cwd: str | os.PathLike[str] = ".") -> Meta:
    """Return the state of the git repository that a folder is in.

    Parameters
    ----------
    cwd : str or path, default '.'

    Returns
    -------
    Meta
        `git_commit`: hash, date, branches and tags, first line of the message; `git_status`: files that
        differ from it, untracked ones included; `git_diff`: how those that git knows differ.
    """
    found, problems = {}, []
    try:
        _ask([*_GIT, "rev-parse", "--is-inside-work-tree"], cwd)
    except Unanswered as error:
        return Meta({}, (f"no state of a git repository was recorded for {os.fspath(cwd)!r}: {error}",))
    for name, question in _GIT_ANSWERS.items():
        try:
            found[name] = _ask([*_GIT, *question], cwd)
        except Unanswered as error:
            problems.append(f"{name} was not recorded for {os.fspath(cwd)!r}: {error}")
    return Meta(found, tuple(problems))


def env_meta() -> Meta:
    """Return what this process runs on.

    Returns
    -------
    Meta
        `python`, `packages` with their versions, `conda` if Python is conda's, `platform`, `cpu`, and `gpus`
        if there is an nvidia-smi. Environment variables are not recorded: they hold secrets.
    """
    found = {"python": _python(), "packages": _packages(), "platform": _platform(), "cpu": _cpu()}
    conda = Path(sys.prefix) / "conda-meta"
    if conda.is_dir():
        found["conda"] = _lines(sorted(path.stem for path in conda.glob("*.json")))
    if shutil.which("nvidia-smi") is None:
        return Meta(found)
    try:
        found["gpus"] = _gpus()
    except Unanswered as error:
        return Meta(found, (f"gpus were not recorded: {error}",))
    return Meta(found)


def keep_meta(meta: Meta, place: Place | None, log: logging.Logger) -> None:
    """Write each text to a file of its own `env/` of a study that is kept, problems to the log.

    Raises
    ------
    StudyError
        If it cannot be written.
    """
    for problem in meta.problems:
        log.warning(problem)
    if place is None:
        return
    for name, text in meta.texts.items():
        file_name = f"{ENVIRONMENT}/{name}.txt"
        try:
            with place.writing(file_name) as file:
                file.write(text.encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise cannot_write(place.folder / file_name, error, len(text)) from error


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def git_commit(folder: str | os.PathLike[str]) -> str | None:
    """Return the commit that a folder is at, with `-dirty` if files are others; None if git does not say."""
    try:
        found = _ask([*_GIT, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"], folder, SOON)
    except Unanswered:
        return None
    return found.strip() or None


def _ask(command: Sequence[str], cwd: str | os.PathLike[str] | None = None, most: float | None = None) -> str:
    """Run a program and return what it says, byte for byte.

    Raises
    ------
    Unanswered
        If it is not there, fails, or takes too long.
    """
    seconds = SECONDS if most is None else most
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        if cwd is not None and not Path(cwd).is_dir():
            raise Unanswered("there is no such folder") from None
        raise Unanswered(f"there is no {command[0]} on this machine") from None
    except OSError as error:
        raise Unanswered(str(error)) from None
    except subprocess.TimeoutExpired:
        raise Unanswered(f"{command[0]} took more than {seconds:g} seconds") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or done.stdout.decode(errors="replace").strip()
        raise Unanswered(said.split("\n")[0] or f"{command[0]} ended with the status {done.returncode}")
    return done.stdout.decode("utf-8", "surrogateescape")


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _python() -> str:
    version = sys.version.replace("\n", " ")
    return _lines([f"python: {version}", f"executable: {sys.executable}", f"prefix: {sys.prefix}"])


def _packages() -> str:
    """Return `name==version` for each package, as pip writes it."""
    from importlib.metadata import distributions

    found: dict[str, str] = {}
    for package in distributions():
        name = package.metadata["Name"]
        if name:  # (what is left of a package that was removed badly has none)
            found.setdefault(name.lower(), f"{name}=={package.version}{_origin(package)}")
    return _lines([found[name] for name in sorted(found)])


def _origin(package: Distribution) -> str:
    """Return where a package was installed from, if that was no index.

    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    try:
        origin = json.loads(package.read_text("direct_url.json") or "{}")
        commit = origin.get("vcs_info", {}).get("commit_id")
        url = origin.get("url")
    except (ValueError, AttributeError):
        return ""
    return f"  # {url}{f'@{commit}' if commit else ''}" if url else ""


def _platform() -> str:
    names = {"platform": platform.platform(), "machine": platform.machine(), "host": platform.node()}
    return _lines([f"{name}: {value}" for name, value in names.items()])


def _cpu() -> str:
    models = [platform.processor() or platform.machine()]
    info = Path("/proc/cpuinfo")
    if info.is_file():
        pairs = [line.split(":", 1) for line in info.read_text(errors="replace").splitlines() if ":" in line]
        models = [value.strip() for key, value in pairs if key.strip() == "model name"] or models
    lines = [f"model: {model}" for model in dict.fromkeys(models)]
    lines += [f"cores: {os.cpu_count()}", f"available cores: {available_cores()}"]
    if {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= os.sysconf_names.keys():
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        lines.append(f"memory: {memory / 2**30:.1f} GiB")
    return _lines(lines)


def _gpus() -> str:
    listed = _ask(["nvidia-smi", "-L"])  # names parts of GPUs as well
    table = _ask(["nvidia-smi", f"--query-gpu={','.join(_GPUS)}", "--format=csv"])
    return f"{listed.rstrip()}\n\n{table.rstrip()}\n"
