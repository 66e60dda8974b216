"""Templates of Jinja2 that are filled in for each experiment."""

from __future__ import annotations

import os
import stat
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from research.domain import Config
from research.errors import TemplateError, did_you_mean
from research.experiment.compiling import Evaluator, Known
from research.experiment.placeholders import CONFIG_FILE, OWN, check_names, nested, value_of
from research.experiment.targets import Invoke
from research.experiment.units import Unit
from research.reporting import FILE
from research.whole import whole_file

if TYPE_CHECKING:
    import jinja2

SUFFIXES = (".j2", ".jinja", ".jinja2")
LARGEST = 64 * 2**20  # bytes of all templates: they are kept with the study
_TAKEN = (  # in the folder of an experiment
    "stdout.txt",
    "stderr.txt",
    CONFIG_FILE,
    FILE,
)


class TemplateFile(NamedTuple):
    """A file of a folder of templates, as it was when it was added."""

    path: str  # relative to the folder
    data: bytes
    mode: int

    @property
    def is_template(self) -> bool:
        """Whether it is filled in; else it is copied."""
        return self.path.endswith(SUFFIXES)

    @property
    def target(self) -> str:
        """The path of what is made of it."""
        return self.path.rpartition(".")[0] if self.is_template else self.path


class Filled(NamedTuple):
    """A file for an experiment."""

    path: str  # relative to the experiment's folder
    data: bytes
    mode: int


@dataclass(frozen=True, slots=True)
class Templates:
    """A folder of templates.

    Parameters
    ----------
    folder : str
    files : tuple of TemplateFile
    """

    folder: str
    files: tuple[TemplateFile, ...]

    @classmethod
    def read(cls, folder: Any, argument: str, taken: Collection[str] = _TAKEN) -> Templates:
        """Read all files of a folder, and check that they are templates.

        Parameters
        ----------
        folder : str or path
        argument : str
            What it is called, for the text of errors.
        taken : collection of str
            Names that something else has where they are filled in.

        Raises
        ------
        TypeError, ValueError
            If there is no folder, nothing in it, or something that has no place.
        TemplateError
            If a template has an error.
        ImportError
            If Jinja2 is not installed.
        """
        if not isinstance(folder, str | os.PathLike):
            raise TypeError(f"`{argument}` must be the path of a folder, got {folder!r}")
        top = Path(os.fsdecode(folder))
        if not top.is_dir():
            raise ValueError(f"`{argument}` must be the path of a folder, and there is none at {str(top)!r}")
        if find_spec("jinja2") is None:
            raise ImportError(
                f"`{argument}={str(top)!r}` is filled in by Jinja2, which is not installed: pip install "
                "'domain-research[templates]'"
            )
        templates = cls(str(top), tuple(_walk_files(top)))
        if not templates.files:
            raise ValueError(f"`{argument}` must hold templates, and there is no file in {str(top)!r}")
        targets: dict[str, str] = dict.fromkeys(taken, "the study")
        for file in templates.files:
            if file.target in targets:
                raise ValueError(
                    f"{str(top / file.path)!r} would become {file.target!r}, as {targets[file.target]} does: "
                    "give it another name"
                )
            targets[file.target] = repr(file.path)
        environment = templates.environment(())
        for file in templates.templates:
            templates.parse(environment, file)
        return templates

    @property
    def templates(self) -> Iterator[TemplateFile]:
        """Those that are filled in."""
        return (file for file in self.files if file.is_template)

    def place(self, path: str) -> str:
        """Return the path of a file, for the text of errors."""
        return str(Path(self.folder) / path)

    def environment(self, known: Collection[str]) -> jinja2.Environment:
        """Return what fills in the templates, with names that there are."""
        import jinja2

        sources = {file.path: file for file in self.templates}

        def load(name: str) -> tuple[str, str, Callable[[], bool]] | None:
            file = sources.get(name)
            return None if file is None else (self.text(file), self.place(name), lambda: True)

        return jinja2.Environment(
            loader=jinja2.FunctionLoader(load),
            undefined=_undefined(known),
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701  (these are files for programs, not for browsers)
        )

    def text(self, file: TemplateFile) -> str:
        """Return a template as text."""
        try:
            return file.data.decode()
        except UnicodeDecodeError as error:
            raise TemplateError(f"{self.place(file.path)!r} is no text: {error}") from None

    def parse(self, environment: jinja2.Environment, file: TemplateFile) -> Any:
        """Return the syntax tree of a template."""
        import jinja2

        try:
            return environment.parse(self.text(file), file.path, self.place(file.path))
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(f"{self.place(file.path)}:{error.lineno}: {error.message}") from None

    def names(self) -> set[str]:
        """Return names that the templates ask for."""
        from jinja2.meta import find_undeclared_variables

        environment = self.environment(())
        trees = (self.parse(environment, file) for file in self.templates)
        return {name for tree in trees for name in find_undeclared_variables(tree)}

    def fill(self, names: Mapping[str, Any]) -> Iterator[Filled]:
        """Walk the files for an experiment.

        Raises
        ------
        TemplateError
            Names the file and the line; where a name is not defined, near matches as well.
        """
        environment = self.environment(names)
        for file in self.files:
            data = self._render(environment, file, names) if file.is_template else file.data
            yield Filled(file.target, data, file.mode)

    def _render(self, environment: jinja2.Environment, file: TemplateFile, names: Mapping[str, Any]) -> bytes:
        try:
            return environment.get_template(file.path).render(names).encode()
        except Exception as error:  # (templates may call anything that is in a config)
            places = {self.place(item.path) for item in self.templates}
            frames = traceback.extract_tb(error.__traceback__)
            lines = [f"{frame.filename}:{frame.lineno}" for frame in frames if frame.filename in places]
            where = lines[-1] if lines else self.place(file.path)
            kind = type(error).__name__
            what = f"{'' if kind == 'UndefinedError' else f'{kind}: '}{error}"
            raise TemplateError(f"{where}: {what}") from None


def _walk_files(top: Path) -> Iterator[TemplateFile]:
    size = 0
    for parent, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                continue
            size += status.st_size
            if size > LARGEST:
                raise ValueError(
                    f"{str(top)!r} holds more than {LARGEST // 2**20} MiB: templates are kept with the "
                    "study; give data by its path instead"
                )
            yield TemplateFile(path.relative_to(top).as_posix(), path.read_bytes(), status.st_mode & 0o777)


def _undefined(known: Collection[str]) -> type[jinja2.Undefined]:
    """Return what stands for a name that is not defined: an error that tells of near matches."""
    import jinja2
    from jinja2.utils import missing

    class Undefined(jinja2.StrictUndefined):
        def __init__(self, hint: str | None = None, obj: Any = missing, name: Any = None, *more: Any) -> None:
            others = known if obj is missing else obj
            if hint is None and (obj is missing or isinstance(obj, Mapping)):
                hint = f"there is no {name!r}{did_you_mean(name, others)}"
            super().__init__(hint, obj, name, *more)

    return Undefined


def names_for(run: Any, wanted: Collection[str], what: str) -> dict[str, Any]:
    """Return the names that templates can use for an experiment: parameters, and what the study knows."""
    own = {name: value_of(run, name, what) for name in OWN if name in wanted}
    return {**dict.fromkeys(OWN), **config_names(run.config), **own}


def config_names(config: Config) -> dict[str, Any]:
    """Return the parameters of a config, their groups nested."""
    return nested(config)


def write_filled(folder: Path, files: Iterator[Filled]) -> list[str]:
    """Write files for an experiment; return their paths."""
    written = []
    for file in files:
        path = folder / file.path
        with whole_file(path) as target:
            target.write(file.data)
            os.fchmod(target.fileno(), file.mode | stat.S_IWUSR | stat.S_IRUSR)
        written.append(file.path)
    return written


@dataclass(frozen=True, slots=True)
class TemplatesUnit(Unit):
    """Templates, filled in at each due iteration into the experiment's folder."""

    templates: Templates = Templates("", ())

    @property
    def text(self) -> str:
        return f"{self.name} = {self.templates.folder!r}"

    def call(self, invoke: Invoke | None = None) -> Evaluator:
        name, templates, what = self.name, self.templates, self._what
        wanted = templates.names()

        def work(run: Any) -> list[str]:
            return write_filled(run.folder, templates.fill(names_for(run, wanted, what)))

        def call(run: Any) -> None:
            run.units[name].output = work(run) if invoke is None else invoke(run, work, (run,), {})

        return call

    @property
    def _what(self) -> str:
        return f"a template in {self.templates.folder!r}"

    def check(self, known: Known) -> None:
        own = [name for name in self.templates.names() if name in OWN]
        check_names(own, self._what, known.parameters)
