"""The space of configurations, as algebra."""

from research.domain.aliases import ConfigAlias
from research.domain.config import Config
from research.domain.domain import Domain, Option
from research.domain.parameters import Parameters
from research.domain.spaces import intspace, logspace
from research.domain.values import Alias, Opaque

__all__ = [
    "Alias",
    "Config",
    "ConfigAlias",
    "Domain",
    "Opaque",
    "Option",
    "Parameters",
    "intspace",
    "logspace",
]
