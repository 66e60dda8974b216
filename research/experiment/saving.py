"""What becomes of a unit's output: under which names it is saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Save = Callable[[Any], None]  # of an output
SaveBinder = Callable[[Any], Save]  # of a running experiment


def make_save(unit: str, save_to: str | tuple[str, ...] | None, save_output_dict: bool) -> SaveBinder | None:
    """Return what stores a unit's output in the variables of an experiment, or None."""
    if save_output_dict:
        return lambda run: lambda output: _save_dict(run, unit, output)
    if save_to is None:
        return None
    if isinstance(save_to, str):
        variable = save_to

        def bind_one(run: Any) -> Save:
            save = run.saver([variable])
            return lambda output: save(variable, run.iteration, output)

        return bind_one

    def bind_many(run: Any) -> Save:
        save = run.saver(save_to)

        def save_many(output: Any) -> None:
            values = output if type(output) is tuple else _listed(output, unit, save_to)
            if len(values) != len(save_to):
                raise ValueError(
                    f"`save_to` of the unit {unit!r} names {len(save_to)} variables {list(save_to)}, "
                    f"but its output has {len(values)} items"
                )
            iteration = run.iteration
            for variable, value in zip(save_to, values):  # noqa: B905  (they are as many, and this is called often)
                save(variable, iteration, value)

        return save_many

    return bind_many


def _save_dict(run: Any, unit: str, output: Any) -> None:
    if not isinstance(output, dict):
        raise TypeError(f"`save_output_dict` of the unit {unit!r} needs a dict, got {type(output).__name__}")
    for variable, value in output.items():
        run.save(variable, value)


def _listed(output: Any, unit: str, save_to: Sequence[str]) -> list[Any]:
    try:
        return list(output)
    except TypeError:
        raise TypeError(
            f"`save_to` of the unit {unit!r} names {len(save_to)} variables, but its output is "
            f"a single {type(output).__name__}"
        ) from None


def checked_save_to(save_to: Any, save_output_dict: bool) -> str | tuple[str, ...] | None:
    """Return `save_to` as it is kept; refuse what means nothing."""
    if save_to is None:
        return None
    if save_output_dict:
        raise ValueError(
            f"`save_output_dict` takes names from the dict: `save_to={save_to!r}` has no meaning"
        )
    if isinstance(save_to, str):
        return save_to
    if isinstance(save_to, list | tuple) and save_to and all(isinstance(name, str) for name in save_to):
        return tuple(save_to)
    raise TypeError(f"`save_to` must be a str or a list of str, got {save_to!r}")
