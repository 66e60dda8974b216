"""The methods by which users put an experiment together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import isgeneratorfunction
from types import ModuleType
from typing import Any, Protocol, Self

from research.experiment.expressions import NamedExpression
from research.experiment.outside import Outside
from research.experiment.pipelines import add_pipeline_units
from research.experiment.saving import checked_save_to
from research.experiment.schedule import parse_dump, parse_when
from research.experiment.targets import Instance, Method, Target
from research.experiment.units import CallUnit, DumpUnit, SaveUnit, Unit


class Description(Protocol):
    """What is put together; see `research.experiment.experiment.Experiment`."""

    namespaces: list[ModuleType | Mapping[str, Any]]
    instances: dict[str, Instance]

    def add_unit(self, unit: Unit) -> str:
        """Append a unit and return the name that it got."""

    def add_instance_spec(self, instance: Instance) -> None:
        """Append an instance."""

    def find_function(self, name: str, owner: object = None) -> Any:
        """Return the function of a name, or the Method that 'instance.method' means."""


class Builder(Outside):
    """The `add_…` methods, which return the object they are called on, so that they can be chained.

    A name that is no attribute becomes a unit that calls the function of that name: `.power(a=EC('a'),
    save_to='p')`. It is looked up in namespaces that were added, in `__main__` and in builtins.
    """

    def _description(self) -> Description:
        raise NotImplementedError

    def add_callable(
        self,
        name: str | Callable[..., Any],
        func: Callable[..., Any] | None = None,
        args: Any = None,
        when: Any = 1,
        save_to: Any = None,
        dump: Any = None,
        root: bool = False,
        save_output_dict: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Add a function to be called at each due iteration.

        Parameters
        ----------
        name : str or callable
            Name of the unit; 'instance.method' calls a method of an instance. Or the function itself.
        func : callable, optional
        args : list or expression, optional
            Positional arguments. They and all others may hold named expressions, at any depth.
        when : int, str or list, default 1
            Iterations, see `schedule.parse_when`.
        save_to : str or list of str, optional
            Variables for the output; a list takes an output of as many items.
        dump : int, str or list, optional
            Iterations after which everything saved so far goes to the store at once.
        root : bool, default False
            Run once for all branches.
        save_output_dict : bool, default False
            Save each key of the returned dict as a variable.
        **kwargs
            Arguments of the function; `kwargs=EC()` passes a whole dict.

        Raises
        ------
        ValueError
            If `when`, `dump` or `save_to` mean nothing.
        TypeError
            If the function is a generator function.
        AttributeError
            If no function is given and none is found by this name.
        """
        called = name if func is None else func
        if isgeneratorfunction(called):
            raise TypeError(
                f"{called.__name__!r} is a generator function, of which a call runs nothing: "
                "add_generator takes one item at each iteration"
            )
        return self._add_call("func", name, func, when, save_to, dump, args, root, save_output_dict, kwargs)

    def add_generator(
        self,
        name: str | Callable[..., Any],
        generator: Any = None,
        args: Any = None,
        when: Any = 1,
        save_to: Any = None,
        dump: Any = None,
        root: bool = False,
        save_output_dict: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Add a generator: its iterator is made at the first call, each call takes the next item.

        Parameters
        ----------
        name : str or callable
            As in `add_callable`.
        generator : callable or iterable, optional
            What returns the iterator, or something that can be iterated again and again (a list, a data
            loader).
        args, when, save_to, dump, root, save_output_dict, **kwargs
            As in `add_callable`; the arguments are read once, at the first call.
        """
        return self._add_call(
            "generator", name, generator, when, save_to, dump, args, root, save_output_dict, kwargs
        )

    def add_executable_unit(
        self,
        name: str | Callable[..., Any],
        src: Any = None,
        mode: str = "func",
        when: Any = 1,
        save_to: Any = None,
        dump: Any = None,
        args: Any = None,
        root: bool = False,
        save_output_dict: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Add a function (`mode='func'`) or a generator (`mode='generator'`); see `add_callable`."""
        return self._add_call(mode, name, src, when, save_to, dump, args, root, save_output_dict, kwargs)

    def _add_call(
        self,
        mode: str,
        name: str | Callable[..., Any],
        src: Any,
        when: Any,
        save_to: Any,
        dump: Any,
        args: Any,
        root: bool,
        save_output_dict: bool,
        kwargs: dict[str, Any],
    ) -> Self:
        if mode not in ("func", "generator"):
            raise ValueError(f"`mode` must be 'func' or 'generator', got {mode!r}")
        if not isinstance(name, str):
            if src is not None:
                raise TypeError(
                    f"the unit is given two functions, {name!r} and {src!r}: the first is its name"
                )
            src, name = name, _name_of(name)
        experiment = self._description()
        function = experiment.find_function(name) if src is None else src
        if mode == "generator":
            function = _iterable_maker(name, function)
        elif not callable(function) and not isinstance(function, Method):
            raise TypeError(f"the unit {name!r} must be callable, got {type(function).__name__} {function!r}")
        experiment.add_unit(
            CallUnit(
                name,
                parse_when(when),
                root,
                parse_dump(dump),
                Target(function, _checked_args(name, args), kwargs),
                mode == "generator",
                checked_save_to(save_to, save_output_dict),
                save_output_dict,
            )
        )
        return self

    def add_pipeline(
        self,
        name: str,
        root: Any = None,
        branch: Any = None,
        run: bool = False,
        variables: str | Sequence[str] | None = None,
        dump: Any = None,
        when: Any = 1,
        **kwargs: Any,
    ) -> Self:
        """Add a pipeline, of batchflow or with the same interface; each experiment has its own copy.

        `E(name)` is that copy, once it has been called, and `O(name)` its last batch.

        Parameters
        ----------
        name : str
            Name of the unit; 'instance.attribute' if the pipeline is there and `root` is not given.
        root : pipeline or str, optional
            What is executed, or 'instance.attribute'. With `branch`: what makes one batch per iteration,
            once for all branches.
        branch : pipeline or str, optional
            What processes the root's batch in each branch, with its own config.
        run : bool, default False
            Call `run()`, the whole pipeline at each due iteration, in place of `next_batch()`, one batch
            until there are no more.
        variables : str or list of str, optional
            Variables of the pipeline to save under their own names after each execution.
        dump, when
            As in `add_callable`.
        **kwargs
            Put into the pipeline's config beside the experiment's, `import_from=E('train')` for instance;
            they are read once, at the first call. A root gets the config of the first branch, and no
            keywords that name a unit.

        Raises
        ------
        TypeError
            If something is no pipeline; names the methods that it lacks.
        ValueError
            If `run` is given with `branch`, or a name means nothing.

        Examples
        --------
        >>> from research import Executor, Experiment, O
        >>> class Numbers:
        ...     def __init__(self):
        ...         self.config, self.position = {}, 0
        ...     def copy(self):
        ...         return Numbers()
        ...     def set_config(self, config):
        ...         self.config.update(config)
        ...     def reset(self, *what):
        ...         self.position = 0
        ...     def next_batch(self):
        ...         if self.position == self.config['n']:
        ...             raise StopIteration
        ...         self.position += 1
        ...         return [self.position] * self.config['size']
        ...     def v(self, name):
        ...         return getattr(self, name)
        >>> experiment = Experiment().add_pipeline('numbers', Numbers(), variables='position', size=2)
        >>> executor = Executor(experiment.save(O('numbers'), 'batch'), configs=[{'n': 2}]).run()
        >>> executor.experiments[0].results
        {'position': {0: 1, 1: 2}, 'batch': {0: [1, 1], 1: [2, 2]}}
        """
        add_pipeline_units(
            self._description(),
            name,
            root,
            branch,
            run,
            variables,
            parse_dump(dump),
            parse_when(when),
            kwargs,
        )
        return self

    def add_instance(
        self, name: str, creator: Callable[..., Any], root: bool = False, args: Any = None, **kwargs: Any
    ) -> Self:
        """Add an object that is made at the start of each experiment.

        Parameters
        ----------
        name : str
            Name for 'name.method' units and `E('name')`.
        creator : callable
            A class, or what else makes the object.
        root : bool, default False
            Make one for all branches.
        args, **kwargs
            Arguments of the creator, named expressions in them included.
        """
        if not callable(creator):
            raise TypeError(f"the creator of the instance {name!r} must be callable, got {creator!r}")
        target = Target(creator, _checked_args(name, args), kwargs)
        self._description().add_instance_spec(Instance(name, target, root))
        return self

    def save(
        self,
        src: Any,
        dst: str | list[str] | None = None,
        when: Any = 1,
        save_output_dict: bool = False,
        copy: bool = False,
    ) -> Self:
        """Save a value at each due iteration.

        Parameters
        ----------
        src : object
            A named expression, or a constant.
        dst : str or list of str
            Variables; a list takes a value of as many items.
        when : int, str or list, default 1
        save_output_dict : bool, default False
            Save each key of a dict; then there is no `dst`.
        copy : bool, default False
            Save a deep copy.
        """
        if dst is None and not save_output_dict:
            raise ValueError("`save` needs `dst`, the name of a variable, or `save_output_dict=True`")
        save_to = checked_save_to(dst, save_output_dict)
        name = "save" if dst is None else f"save_{dst if isinstance(dst, str) else '_'.join(dst)}"
        self._description().add_unit(
            SaveUnit(name, parse_when(when), False, None, src, save_to, save_output_dict, copy)
        )
        return self

    def dump(self, variable: Any = None, when: Any = "last") -> Self:
        """Send what has been saved so far to the store at each due iteration, without waiting.

        Without it everything gets there too, half a second later at most.

        Parameters
        ----------
        variable : optional
            Kept for scripts written for batchflow; all variables are sent together.
        when : int, str or list, default 'last'
        """
        self._description().add_unit(DumpUnit("dump", parse_when(when)))
        return self

    def add_namespace(self, namespace: ModuleType | Mapping[str, Any]) -> Self:
        """Add a module or a dict in which functions are found by name."""
        if not isinstance(namespace, ModuleType | Mapping):
            raise TypeError(f"a namespace must be a module or a dict, got {type(namespace).__name__}")
        self._description().namespaces.append(namespace)
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):  # protocols such as copy and pickle ask for these
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        function = self._description().find_function(name, self)

        def add(
            *positional: Any,
            args: Any = None,
            when: Any = 1,
            save_to: Any = None,
            dump: Any = None,
            root: bool = False,
            save_output_dict: bool = False,
            mode: str = "func",
            **kwargs: Any,
        ) -> Builder:
            if positional:
                if args is not None:
                    raise TypeError(
                        f"positional arguments of {name!r} are given twice: as such and as `args`"
                    )
                args = list(positional)
            return self._add_call(
                mode, name, function, when, save_to, dump, args, root, save_output_dict, kwargs
            )

        return add


def _name_of(function: Any) -> str:
    while not hasattr(function, "__name__") and hasattr(function, "func"):  # functools.partial
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__)).strip("<>")


def _iterable_maker(name: str, source: Any) -> Any:
    """Return what makes a fresh iterable for each experiment."""
    if isinstance(source, Method) or callable(source):
        return source
    if isinstance(source, Iterator):
        raise TypeError(
            f"the generator {name!r} was started already and could serve one experiment only: "
            "pass the function that makes it"
        )
    if isinstance(source, Iterable):
        return lambda: source
    raise TypeError(f"the generator {name!r} must be a callable or an iterable, got {source!r}")


def _checked_args(name: str, args: Any) -> Any:
    if args is None:
        return ()
    if isinstance(args, NamedExpression):
        return args
    if isinstance(args, list | tuple):
        return tuple(args)
    raise TypeError(f"`args` of {name!r} must be a list, a tuple or a named expression, got {args!r}")
