"""Runs: their folder, options, progress and evaluation; and what a machine needs for one."""
