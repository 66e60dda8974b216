"""Run the same experiment over many configurations, in many processes, with every number kept."""

from research.domain import Alias, Config, ConfigAlias, Domain, Option, intspace, logspace
from research.experiment.executor import Executor
from research.experiment.experiment import Experiment
from research.experiment.expressions import EC, EP, E, O, R, S
from research.research import Research
from research.results.results import ResearchResults
from research.version import __version__

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
    "Research",
    "ResearchResults",
    "S",
    "__version__",
    "intspace",
    "logspace",
]
