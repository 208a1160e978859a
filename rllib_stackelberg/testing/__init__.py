"""Conformance functions for games and learners of your own."""

from rllib_stackelberg.testing.games import game_test

__all__ = ["game_test"]
