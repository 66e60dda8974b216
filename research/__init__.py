"""Run the same experiment over many configurations, in many processes, with every number kept.

Names are imported from their modules when they are used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from research.backends.clusters.options import Dask, Ray
    from research.domain import Alias, Config, ConfigAlias, Domain, Option, Parameters, intspace, logspace
    from research.domain.loading import load_domain
    from research.experiment.executor import Executor
    from research.experiment.experiment import Experiment
    from research.experiment.expressions import EC, EP, E, O, R, S
    from research.groups.store import ParameterStore
    from research.pruning.rules import Median, Patience, SuccessiveHalving
    from research.refining.genetic import Genetic
    from research.refining.halving import Halving
    from research.refining.optunas import OptunaRefiner
    from research.refining.refiner import Refiner
    from research.refining.zoom import Zoom
    from research.reporting import report
    from research.research import Research
    from research.results.results import ResearchResults
    from research.sweeping import sweep
    from research.version import __version__
    from samplers import Bool, Choice, Float, Int, Ordinal

_MODULES = {
    **dict.fromkeys(
        ("Alias", "Config", "ConfigAlias", "Domain", "Option", "Parameters", "intspace", "logspace"),
        "research.domain",
    ),
    **dict.fromkeys(("E", "EC", "EP", "O", "R", "S"), "research.experiment.expressions"),
    **dict.fromkeys(("Bool", "Choice", "Float", "Int", "Ordinal"), "samplers"),
    **dict.fromkeys(("Dask", "Ray"), "research.backends.clusters.options"),
    "Executor": "research.experiment.executor",
    "Experiment": "research.experiment.experiment",
    **dict.fromkeys(("Median", "Patience", "SuccessiveHalving"), "research.pruning.rules"),
    "Genetic": "research.refining.genetic",
    "ParameterStore": "research.groups.store",
    "Halving": "research.refining.halving",
    "OptunaRefiner": "research.refining.optunas",
    "Refiner": "research.refining.refiner",
    "Zoom": "research.refining.zoom",
    "Research": "research.research",
    "report": "research.reporting",
    "ResearchResults": "research.results.results",
    "load_domain": "research.domain.loading",
    "sweep": "research.sweeping",
    "__version__": "research.version",
}

__all__ = [
    "EC",
    "EP",
    "Alias",
    "Bool",
    "Choice",
    "Config",
    "ConfigAlias",
    "Dask",
    "Domain",
    "E",
    "Executor",
    "Experiment",
    "Float",
    "Genetic",
    "Halving",
    "Int",
    "Median",
    "O",
    "Option",
    "OptunaRefiner",
    "Ordinal",
    "ParameterStore",
    "Parameters",
    "Patience",
    "R",
    "Ray",
    "Refiner",
    "Research",
    "ResearchResults",
    "S",
    "SuccessiveHalving",
    "Zoom",
    "__version__",
    "intspace",
    "load_domain",
    "logspace",
    "report",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
