"""Python files that hold a study: run as scripts, but for the run itself."""

from __future__ import annotations

import ast
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from research.cli.ending import Problem
from research.cli.studies import runs_of
from research.errors import ParametersError, ResearchError, did_you_mean

if TYPE_CHECKING:
    from research.domain import Domain
    from research.research import Research

GUARD = "if __name__ == '__main__':"


class _RunsItself(ResearchError):
    """The file has called `run`."""


@contextmanager
def script(path: Path) -> Iterator[ModuleType]:
    """Run a file as `python FILE` would, less what it guards by its name, and be that program meanwhile.

    So functions are those of a script here, too: they have the same identity, go to other processes by value,
    and a study that was begun by the script is gone on with by the command, and the reverse.

    Parameters
    ----------
    path : Path

    Raises
    ------
    Problem
        If it cannot be run, or runs a study or another program itself.
    """
    place = path.absolute()
    main = ModuleType("__main__")
    main.__file__ = str(place)
    before = sys.modules["__main__"], sys.argv, sys.path
    sys.modules["__main__"] = main
    sys.argv, sys.path = [str(path)], [str(place.parent), *sys.path]
    try:
        _execute(place, main)
        yield main
    finally:
        sys.modules["__main__"], sys.argv, sys.path = before


@contextmanager
def program_of(folder: Path) -> Iterator[None]:
    """Be called as the program that began a study, and import from where it did.

    By that name the functions of a script are the same when they are part of configs. The script is not run:
    what is its own comes with the study's definition.
    """
    found = _program(folder)
    before = sys.modules["__main__"], sys.path
    if found is not None:
        name, place = found
        main = sys.modules["__main__"] = ModuleType("__main__")
        main.__spec__ = ModuleSpec(name, None)
        sys.path = [place, *sys.path]
    try:
        yield
    finally:
        sys.modules["__main__"], sys.path = before


def _program(folder: Path) -> tuple[str, str] | None:
    """Return the name that the first script of a study has in identities, and the folder it imported from."""
    for script, command, directory in runs_of(folder):
        module = _module_of(command or "")
        if module is not None and module != "research":
            return module.removesuffix(".__main__"), directory or ""
        if script:
            return Path(script).stem, str(Path(script).parent)
    return None


def _module_of(command: str) -> str | None:
    """Return the module that a command line runs by `python -m`, None if it does not."""
    try:
        words = iter(shlex.split(command)[1:])
    except ValueError:  # it was cut
        return None
    for word in words:
        if word == "-m":
            return next(words, None)
        if word in ("-W", "-X"):
            next(words, None)
        elif not word.startswith("-") or word in ("-", "-c"):
            return None
    return None


def _execute(place: Path, main: ModuleType) -> None:
    try:
        tree = _Unguarded().visit(ast.parse(place.read_bytes(), str(place)))
        code = compile(tree, str(place), "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError) as error:
        raise Problem(f"{place.name} cannot be run: {error}") from error
    with _nothing_runs():
        try:
            exec(code, vars(main))  # noqa: S102  (it is what was asked for)
        except _RunsItself as error:
            line = _lines_of(error, place)[-1].lineno
            raise Problem(
                f"line {line} of {place.name} runs a study itself: put that under `{GUARD}`, which is left "
                "out here"
            ) from error
        except (Exception, SystemExit) as error:  # it is the user's code
            raise Problem(f"{place.name} cannot be run:\n{_traceback(error, place)}") from error


class _Unguarded(ast.NodeTransformer):
    """Leaves out what a file does only if it is run as a program."""

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Module):
            node.body = [self._other(item) for item in node.body]
        return node

    def _other(self, node: ast.stmt) -> ast.stmt:
        if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
            return node
        sides = [node.test.left, *node.test.comparators]
        names = {side.id for side in sides if isinstance(side, ast.Name)}
        values = {side.value for side in sides if isinstance(side, ast.Constant)}
        if names != {"__name__"} or values != {"__main__"} or not isinstance(node.test.ops[0], ast.Eq):
            return node
        never = ast.copy_location(ast.Constant(False), node.test)  # lines and `else` stay
        return ast.copy_location(ast.If(never, node.body, node.orelse), node)


@contextmanager
def _nothing_runs() -> Iterator[None]:
    """Refuse to run studies while a file is loaded, which would take no notice of the command."""
    from research.research import Research

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise _RunsItself

    usual = Research.run
    Research.run = refuse  # type: ignore[method-assign]
    try:
        yield
    finally:
        Research.run = usual  # type: ignore[method-assign]


def _lines_of(error: BaseException, place: Path) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if frame.filename == str(place)]


def _traceback(error: BaseException, place: Path) -> str:
    """Return the traceback of an error from the user's file on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != str(place):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


class Held(NamedTuple):
    """What a file holds: a study, or a function to sweep; and the domain, if it has one."""

    file: str
    study: Research | None
    function: Callable[..., Any] | None
    domain: Domain | None

    def over(self, domain: Domain | None) -> Research:
        """Return the study, of a domain that may be another than the file's."""
        from research.sweeping import sweep_study

        if self.study is not None:
            if domain is not None and domain is not self.study.domain:
                self.study.domain = domain
            return self.study
        if domain is None or self.function is None:
            raise Problem(
                f"{self.file} holds no Domain to sweep a function over: give it one as `domain`, or "
                "parameters by -p"
            )
        return sweep_study(self.function, domain, getattr(self.function, "__name__", "sweep"))


def look(main: ModuleType, name: str | None = None) -> Held:
    """Find what there is to be run in a file.

    Parameters
    ----------
    main : ModuleType
        The file, as `script` has run it.
    name : str, optional
        What was asked for: a Research, or a function to sweep. Default: the only one.

    Raises
    ------
    Problem
        If it is not there, or there are several.
    """
    from research.research import Research

    file = Path(str(main.__file__)).name
    public = {key: value for key, value in vars(main).items() if not key.startswith("_")}
    studies = _distinct({key: value for key, value in public.items() if isinstance(value, Research)})
    functions = _distinct({key: value for key, value in public.items() if _is_own_function(key, value)})
    found = vars(main).get(name) if name is not None else None
    if (
        name is not None
        and not isinstance(found, Research)
        and (isinstance(found, type) or not callable(found))
    ):
        what = "" if found is None else f" is {type(found).__name__} there, and"
        near = did_you_mean(name, [*studies, *functions])
        raise Problem(f"{name!r} of {file}{what} is no study and no function{near}")
    if name is None:
        if not studies and not functions:
            raise Problem(f"{file} holds no study: neither a Research nor a function to sweep over a Domain")
        known = studies or functions
        if len(known) > 1:
            ways = " or ".join(f"{file}:{key}" for key in known)
            what = "studies" if studies else "functions that could be swept, and no Research"
            raise Problem(f"{file} holds {len(known)} {what}: say which, {ways}")
        (found,) = known.values()
    if isinstance(found, Research):
        return Held(file, found, None, found.domain)
    return Held(file, None, found, _own_domain(public, Path(str(main.__file__))))


def _is_own_function(name: str, value: Any) -> bool:
    return isinstance(value, FunctionType) and value.__module__ == "__main__" and name != "get_params"


def _distinct(found: dict[str, Any]) -> dict[str, Any]:
    """Return things by the first of their names."""
    seen: dict[int, str] = {}
    for name, value in found.items():
        seen.setdefault(id(value), name)
    return {name: found[name] for name in seen.values()}


def _own_domain(public: Mapping[str, Any], path: Path) -> Domain | None:
    """Return the domain that a file has for its functions, as files of parameters have it."""
    from research.domain import Domain
    from research.domain.loading import as_domain

    if "domain" in public:
        return as_domain(public["domain"], "`domain`", path)
    if callable(public.get("get_params")):
        try:
            return as_domain(public["get_params"](), "get_params()", path)
        except ParametersError:
            raise
        except (Exception, SystemExit) as error:  # it is the user's code
            raise Problem(f"get_params() of {path.name} raised\n{_traceback(error, path)}") from error
    domains = _distinct({key: value for key, value in public.items() if isinstance(value, Domain)})
    if len(domains) > 1:
        names = ", ".join(domains)
        raise Problem(f"{path.name} holds {len(domains)} domains, {names}: call the one to run `domain`")
    return next(iter(domains.values()), None)
