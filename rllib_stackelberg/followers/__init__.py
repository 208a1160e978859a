"""Followers: no-regret learners and best responses, one a file.

`multiplicative_weights.py` is the file to copy for a new one.
"""

from rllib_stackelberg.followers.best_response import BestResponse
from rllib_stackelberg.followers.learner import Learner, Traits, argmax_play, learner_from_text
from rllib_stackelberg.followers.multiplicative_weights import MultiplicativeWeights

__all__ = [
    "BestResponse",
    "Learner",
    "MultiplicativeWeights",
    "Traits",
    "argmax_play",
    "learner_from_text",
]
