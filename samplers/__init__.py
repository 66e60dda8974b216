"""Random values as objects: distributions that can be named, compared, stored, combined and drawn from."""

from samplers.algebra import Sampler
from samplers.distributions import ALIASES, ConstantSampler, NumpySampler, ScipySampler
from samplers.histogram import HistoSampler
from samplers.quasirandom import HaltonSampler, LatinHypercubeSampler, SobolSampler
from samplers.random import make_rng, make_seed

__all__ = [
    "ALIASES",
    "ConstantSampler",
    "HaltonSampler",
    "HistoSampler",
    "LatinHypercubeSampler",
    "NumpySampler",
    "Sampler",
    "ScipySampler",
    "SobolSampler",
    "make_rng",
    "make_seed",
]
