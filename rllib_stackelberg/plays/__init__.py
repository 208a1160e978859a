"""Plays of a game and what is known of them: outcomes, paths, answers and strategies of the leader."""

from rllib_stackelberg.plays.plays import Choose, Leader, Plays, play_out

__all__ = ["Choose", "Leader", "Plays", "play_out"]
