"""Plays of a game and what is known of them: outcomes, paths, answers and strategies of the leader."""
