"""Followers: no-regret learners, best responses and learners from experience, one a file.

`multiplicative_weights.py` is the file to copy for a learner that is told what every action would have paid,
`q_learning.py` for one that is told what happened to it.
"""

from rllib_stackelberg.followers.best_response import BestResponse
from rllib_stackelberg.followers.learner import Learner, Traits, UtilityLearner, argmax_play, learner_from_text
from rllib_stackelberg.followers.multiplicative_weights import MultiplicativeWeights
from rllib_stackelberg.followers.q_learning import QLearning
from rllib_stackelberg.followers.trajectory import TrajectoryLearner

__all__ = [
    "BestResponse",
    "Learner",
    "MultiplicativeWeights",
    "QLearning",
    "Traits",
    "TrajectoryLearner",
    "UtilityLearner",
    "argmax_play",
    "learner_from_text",
]
