"""What the work of a unit is made of: functions, classes and constants that can be found from it.

Nothing of the user's is called for it, and what is looked at is limited: this is done before each run.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from research.domain.hashing import digest, dumps
from research.domain.values import Alias
from research.experiment.bytecode import JSON, code_form, file_form, imported_names, loaded_names, source_form
from research.experiment.expressions import NamedExpression
from research.experiment.homes import OURS, Homes, counts, find_module, home_of, home_of_module, homes_of

MOST_PARTS = 1000  # of a unit; what would follow is not looked at
MOST_ITEMS = 1000  # of a value; of one that is larger only type and length count
DEEPEST = 20  # of values in values
MOST_BYTES = 2**20  # of an array or a text, likewise
_MOST_VALUES = 100_000
_MOST_SEARCHED = 1000  # objects of others, in which functions of the user are looked for

_NUMBERS = (type(None), bool, int, float, complex, type(...), range, slice)
_CONTAINERS = (list, tuple, set, frozenset, dict)
_INNER = ("__wrapped__", "func", "py_func")  # where wrappers keep what they wrap
_MISSING = object()


class Part(NamedTuple):
    """A function, a class or a constant on which the work of a unit depends."""

    name: str
    code: str  # digest of what would run
    source: str | None  # digest of what is written, where that can be told
    place: str  # 'file:line'; empty for what has none


def find_parts(value: Any, name: str) -> list[Part]:
    """Return what something is made of, itself first.

    Parameters
    ----------
    value : object
        A unit, an instance or a class.
    name : str
        What its own content is called, as opposed to what is found from there.
    """
    search = _Search()
    form = search.value(value, None)
    search.add(_plain_part(name, form))
    search.follow()
    return list(search.parts.values())


def _plain_part(name: str, form: JSON, place: str = "") -> Part:
    content = digest(dumps(form))
    return Part(name, content, content, place)


class _Search:
    """Finds parts, breadth first, each once."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self._queue: deque[types.FunctionType | type] = deque()
        self._seen: dict[int, Any] = {}  # by identity; kept, so that no other gets it
        self._open: list[int] = []  # objects that are being described
        self._n_searched = self._n_values = 0

    def add(self, part: Part) -> None:
        """Add a part; another one of the same name gets a number."""
        name, number = part.name, 1
        while (known := self.parts.get(name)) is not None:
            if known[1:3] == part[1:3]:
                return
            number += 1
            name = f"{part.name} ({number})"
        self.parts[name] = part._replace(name=name)

    def follow(self) -> None:
        """Describe what is waiting, and what is found from there."""
        while self._queue and len(self.parts) < MOST_PARTS:
            item = self._queue.popleft()
            if isinstance(item, type):
                self._take_class(item)
            else:
                self._take_function(item)

    def _is_new(self, item: Any) -> bool:
        if id(item) in self._seen:
            return False
        self._seen[id(item)] = item
        return True

    def _take_function(self, function: types.FunctionType) -> None:
        code = function.__code__
        given = [
            self.value(function.__defaults__, None),
            self.value(function.__kwdefaults__, None),
            self._cells(function, None),
        ]
        source = source_form(function)
        written = None if source is None else digest(dumps([source, given]))
        made = digest(dumps([code_form(code), given]))
        self.add(Part(_name_of(function), made, written, _place_of(code)))
        homes = homes_of(function)
        for names in dict.fromkeys(loaded_names(code)):
            self._resolve(names, function.__globals__, homes)
        package = function.__globals__.get("__package__")
        for module in dict.fromkeys(imported_names(code, package if isinstance(package, str) else "")):
            self._take_module(module, homes)

    def _take_module(self, name: str, homes: frozenset[str]) -> None:
        """Take a module that is imported when a function is called: what is in its file."""
        path = find_module(name, homes)
        form = None if path is None else file_form(path)
        if path is not None and form is not None:
            self.add(_plain_part(f"module {name}", form, _shown(path)))

    def _resolve(self, names: tuple[str, ...], variables: dict[str, Any], homes: Homes) -> None:
        """Take what a global variable holds; of a module, what is asked of it."""
        found: Any = _MISSING
        for name in names:
            found = variables.get(name, _MISSING)
            if name.startswith("__") or not isinstance(found, types.ModuleType):
                break
            if not counts(home_of_module(found.__name__), homes):
                return
            variables = vars(found)
        if found is _MISSING or name.startswith("__") or isinstance(found, types.ModuleType):
            return
        if isinstance(found, types.FunctionType):
            self._function(found, homes)
        elif isinstance(found, type):
            self._class(found, homes)
        else:
            form = self.value(found, homes)
            if form:
                self.add(_plain_part(name, form))

    def _take_class(self, kind: type) -> None:
        attributes: dict[str, JSON] = {}
        places = []
        for name, item in list(vars(kind).items()):
            form = self.value(item, None)
            is_function = isinstance(item, types.FunctionType)
            if is_function:
                places.append(_place_of(item.__code__))
            if is_function or not name.startswith("__"):
                attributes[name] = form
        bases = []
        for base in kind.__bases__:
            self._class(base, None)
            bases.append(base.__qualname__)
        form = [bases, type(kind).__qualname__, attributes]
        self.add(_plain_part(kind.__qualname__, form, next(filter(None, places), "")))

    def _function(self, function: types.FunctionType, homes: Homes) -> JSON:
        """Let a function be described, or what it is wrapped around if it is somebody else's."""
        own = home_of(function)
        if counts(own, homes):
            if self._is_new(function):
                self._queue.append(function)
        elif self._is_new(function):
            cells = self._cells(function, homes)
            self.value(vars(function).get("__wrapped__"), homes)
            if (
                str(function.__globals__.get("__name__")).split(".")[0] in OURS
            ):  # it stands for what the user gave
                return ["function", cells]
        return ["function", _name_of(function) if own is not None else function.__qualname__]

    def _cells(self, function: types.FunctionType, homes: Homes) -> list[JSON]:
        forms = []
        for cell in function.__closure__ or ():
            try:
                forms.append(self.value(cell.cell_contents, homes))
            except ValueError:  # the variable has not been assigned yet
                forms.append([])
        return forms

    def _class(self, kind: type, homes: Homes) -> JSON:
        if counts(home_of_module(kind.__module__), homes) and self._is_new(kind):
            self._queue.append(kind)
        return ["class", kind.__qualname__]

    def value(self, value: Any, homes: Homes) -> JSON:
        """Return what a value is, as far as it is plain or the user's own; an empty list of anything else.

        Functions and classes in it are to be described as well.
        """
        kind = type(value)
        self._n_values += 1
        if kind in _NUMBERS:
            return [kind.__name__, repr(value)]
        if kind in (str, bytes):
            large = len(value) > MOST_BYTES
            return [kind.__name__, len(value) if large else repr(value)]
        if isinstance(value, types.FunctionType):
            return self._function(value, homes)
        if isinstance(value, type):
            return self._class(value, homes)
        if len(self._open) > DEEPEST or self._n_values > _MOST_VALUES:
            return ["more"]
        if id(value) in self._open:
            return ["again", len(self._open) - self._open.index(id(value))]
        self._open.append(id(value))
        try:
            return self._composed(value, kind, homes)
        finally:
            self._open.pop()

    def _composed(self, value: Any, kind: type, homes: Homes) -> JSON:
        for base in _CONTAINERS:
            if isinstance(value, base):
                return self._container(value, base, homes)
        if isinstance(value, np.ndarray | np.generic):
            return _array(value)
        if isinstance(value, types.MethodType):
            return ["method", self.value(value.__func__, homes), self.value(value.__self__, homes)]
        if isinstance(value, functools.partial):
            parts = (value.func, value.args, value.keywords)
            return ["partial", *(self.value(item, homes) for item in parts)]
        if isinstance(value, staticmethod | classmethod):
            return [kind.__name__, self.value(value.__func__, homes)]
        if isinstance(value, property):
            return ["property", *(self.value(item, homes) for item in (value.fget, value.fset, value.fdel))]
        if isinstance(value, types.BuiltinFunctionType | np.ufunc):
            return ["builtin", value.__name__] if homes is None else []
        if kind is Alias:
            return self.value(value.value, homes)
        if isinstance(value, NamedExpression):
            names = [name for base in kind.__mro__ for name in vars(base).get("__slots__", ())]
            return [kind.__name__, *(self.value(getattr(value, name), homes) for name in sorted(names))]
        if dataclasses.is_dataclass(kind) and kind.__module__.split(".")[0] in OURS:
            fields = [field.name for field in dataclasses.fields(kind) if field.name != "name"]
            return [kind.__name__, *([name, self.value(getattr(value, name), homes)] for name in fields)]
        if counts(home_of_module(kind.__module__), homes):
            return self._object(value, kind, homes)
        self._search_in(value, homes)
        return ["other", kind.__qualname__, *_own_name(value)] if homes is None else []

    def _container(self, value: Any, base: Any, homes: Homes) -> JSON:
        length = base.__len__(value)  # (classes derived from it may do anything)
        if length > MOST_ITEMS:
            return [base.__name__, length]
        if base is dict:
            pairs = [[self.value(key, homes), self.value(item, homes)] for key, item in dict.items(value)]
            return ["dict", sorted(pairs, key=dumps)]
        forms = [self.value(item, homes) for item in base.__iter__(value)]
        return [base.__name__, sorted(forms, key=dumps) if base in (set, frozenset) else forms]

    def _object(self, value: Any, kind: type, homes: Homes) -> JSON:
        """Describe an object of a class of the user's by its attributes."""
        self._class(kind, homes)
        if isinstance(value, enum.Enum):
            return ["enum", kind.__qualname__, value.name, self.value(value.value, homes)]
        state = dict(_variables(value))
        for base in kind.__mro__:
            slots = vars(base).get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                member = vars(base).get(name)
                if isinstance(member, types.MemberDescriptorType):
                    state[name] = _slot(member, value)
        return ["object", kind.__qualname__, self._container(state, dict, homes)]

    def _search_in(self, value: Any, homes: Homes) -> None:
        """Look for functions of the user in an object of somebody else's: a pipeline, or what wraps one."""
        if self._n_searched >= _MOST_SEARCHED or isinstance(value, types.ModuleType):
            return
        self._n_searched += 1
        variables = _variables(value)
        held: Iterable[Any] = variables.values()
        if homes is not None:  # it is a global variable: there are too many things that hold everything
            held = [variables[name] for name in _INNER if name in variables]
        for item in list(held):
            self.value(item, homes)


def _variables(value: Any) -> dict[str, Any]:
    """Return the attributes of an object, asking nothing that it may answer as it likes."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except Exception:  # it has none, or a property of that name
        return {}
    return found if isinstance(found, dict) else {}


def _slot(member: types.MemberDescriptorType, value: Any) -> Any:
    try:
        return member.__get__(value)
    except AttributeError:
        return None


def _array(value: np.ndarray[Any, Any] | np.generic) -> JSON:
    form = ["array", value.dtype.str, list(value.shape)]
    if value.dtype.hasobject or value.nbytes > MOST_BYTES:
        return form
    return [*form, digest(np.ascontiguousarray(value).tobytes(), 16)]


def _own_name(value: Any) -> list[str]:
    try:
        name = object.__getattribute__(value, "__name__")
    except Exception:
        return []
    return [name] if isinstance(name, str) else []


def _name_of(function: types.FunctionType) -> str:
    """Return the name under which a function was written down; a wrapper goes by that of another."""
    code = function.__code__
    return function.__qualname__ if code.co_filename.startswith("<") else code.co_qualname


def _place_of(code: types.CodeType) -> str:
    path = Path(code.co_filename)
    if not path.is_absolute() and not path.is_file():
        return ""
    return f"{_shown(path)}:{code.co_firstlineno}"


def _shown(path: Path) -> str:
    folder = Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
