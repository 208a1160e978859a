"""A policy per agent, all of them RLlib's: independent learners."""
