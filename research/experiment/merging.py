"""What each branch of an executor is told: its config, and what is added for branches and for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from research.domain import Config, ConfigAlias
from research.domain.config import flatten
from research.domain.names import check_names
from research.experiment.owning import own_values


def merge_configs(
    configs: Sequence[Any] | None, branches: Sequence[Any] | None, common: Mapping[str, Any] | None
) -> list[Config]:
    """Return the config of each branch, whose values are its own; see `Executor`.

    Raises
    ------
    TypeError
        If something is no config, or no list of configs.
    ValueError
        If their numbers do not match, or a parameter is given twice.
    """
    if branches is None and not common and type(configs) is list and {*map(type, configs)} == {Config}:
        return [Config.of_items(own_values(dict(config.raw_items()))) for config in configs]  # as in studies
    for name, value in (("configs", configs), ("branches_configs", branches)):
        if not isinstance(value, Sequence | None) or isinstance(value, str):
            raise TypeError(f"`{name}` must be a list of configs, got {type(value).__name__} {value!r}")
    if configs is None:
        configs = [{}] * (1 if branches is None else len(branches))
    if branches is None:
        branches = [{}] * len(configs)
    if len(configs) == 1:
        configs = [configs[0]] * len(branches)
    if not configs or len(configs) != len(branches):
        raise ValueError(
            "`branches_configs` must have one dict for each config, or `configs` one config for all of them, "
            f"got {len(configs)} configs and {len(branches)} branches"
        )
    more = _items(common, "executor_config")
    return [
        Config.of_items(own_values(_join(config, _items(branch, "branches_configs"), more)))
        for config, branch in zip(configs, branches, strict=True)
    ]


def _join(config: Any, branch: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """Return one dict of all parameters, each of which may be given once."""
    items = _items(config, "configs")
    if not branch and not common:
        return items
    joined = {**items, **branch, **common}
    if len(joined) < len(items) + len(branch) + len(common) or any("/" in name for name in joined):
        pairs = [pair for part in (items, branch, common) for pair in part.items()]
        check_names(path for path, _ in flatten(pairs))
    return joined


def _items(config: Any, argument: str) -> dict[str, Any]:
    if type(config) is Config:
        return dict(config.raw_items())
    if isinstance(config, ConfigAlias):
        config = config.config()
    if not isinstance(config, Mapping | None):
        what = f"each config in `{argument}`" if argument != "executor_config" else f"`{argument}`"
        raise TypeError(f"{what} must be a dict, got {type(config).__name__} {config!r}")
    return dict(Config(config).raw_items()) if config else {}
