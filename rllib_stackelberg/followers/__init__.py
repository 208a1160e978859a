"""Followers: no-regret learners, best responses and learners from experience, one a file.

`multiplicative_weights.py` is the file to copy for a learner that is told what every action would have paid,
`exp3.py` for one that is told what the action it drew paid, `q_learning.py` for one that is told what happened to it
turn by turn. `rllib_stackelberg.testing.learner_test` checks yours.
"""

from rllib_stackelberg.followers.best_manipulation import BestManipulation
from rllib_stackelberg.followers.best_response import BestResponse
from rllib_stackelberg.followers.exp3 import Exp3
from rllib_stackelberg.followers.exp3_ix import Exp3IX
from rllib_stackelberg.followers.fictitious_play import FictitiousPlay
from rllib_stackelberg.followers.follow_the_regularised_leader import FollowTheRegularisedLeader
from rllib_stackelberg.followers.hedge import Hedge
from rllib_stackelberg.followers.learner import Learner, Traits, UtilityLearner, argmax_play, learner_from_text
from rllib_stackelberg.followers.logit import LogitResponse
from rllib_stackelberg.followers.multiplicative_weights import MultiplicativeWeights
from rllib_stackelberg.followers.optimistic_hedge import OptimisticHedge
from rllib_stackelberg.followers.q_learning import QLearning
from rllib_stackelberg.followers.regret_matching import RegretMatching
from rllib_stackelberg.followers.regret_matching_plus import RegretMatchingPlus
from rllib_stackelberg.followers.trajectory import TrajectoryLearner

__all__ = [
    "BestManipulation",
    "BestResponse",
    "Exp3",
    "Exp3IX",
    "FictitiousPlay",
    "FollowTheRegularisedLeader",
    "Hedge",
    "Learner",
    "LogitResponse",
    "MultiplicativeWeights",
    "OptimisticHedge",
    "QLearning",
    "RegretMatching",
    "RegretMatchingPlus",
    "Traits",
    "TrajectoryLearner",
    "UtilityLearner",
    "argmax_play",
    "learner_from_text",
]
