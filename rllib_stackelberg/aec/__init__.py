"""Games as PettingZoo environments, and PettingZoo environments as games."""

from rllib_stackelberg.aec.environment import make_aec, make_parallel

__all__ = ["make_aec", "make_parallel"]
