"""Conformance functions for games and learners of your own."""

from rllib_stackelberg.testing.games import game_test
from rllib_stackelberg.testing.learners import learner_test
from rllib_stackelberg.testing.populations import population_game_test

__all__ = ["game_test", "learner_test", "population_game_test"]
