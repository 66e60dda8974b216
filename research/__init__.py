"""Run the same experiment over many configurations, in many processes, with every number kept."""

from research.domain import Alias, Config, ConfigAlias, Domain, Option
from research.experiment.executor import Executor
from research.experiment.experiment import Experiment
from research.experiment.expressions import EC, EP, E, O, R, S

__all__ = [
    "EC",
    "EP",
    "Alias",
    "Config",
    "ConfigAlias",
    "Domain",
    "E",
    "Executor",
    "Experiment",
    "O",
    "Option",
    "R",
    "S",
]
__version__ = "0.1.0"
