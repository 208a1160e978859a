"""The rules of games: contracts, priors over types, the registry, and what an exact solver returns."""

from rllib_stackelberg.rules.base import Batch, Rules, name_of

__all__ = ["Batch", "Rules", "name_of"]
