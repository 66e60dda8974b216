"""Random values as objects: distributions that can be named, compared, stored, combined and drawn from."""

from samplers.algebra import Sampler
from samplers.distributions import ALIASES, ConstantSampler, NumpySampler, ScipySampler
from samplers.histogram import HistoSampler
from samplers.options import Bool, Choice, Ordinal
from samplers.quasirandom import HaltonSampler, LatinHypercubeSampler, SobolSampler
from samplers.random import make_rng, make_seed
from samplers.typed import Float, Int

__all__ = [
    "ALIASES",
    "Bool",
    "Choice",
    "ConstantSampler",
    "Float",
    "HaltonSampler",
    "HistoSampler",
    "Int",
    "LatinHypercubeSampler",
    "NumpySampler",
    "Ordinal",
    "Sampler",
    "ScipySampler",
    "SobolSampler",
    "make_rng",
    "make_seed",
]
