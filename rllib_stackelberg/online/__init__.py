"""Leaders that learn while their followers learn too. Importing it registers every learner."""

from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.best_response import BestResponse
from rllib_stackelberg.online.exp3 import Exp3
from rllib_stackelberg.online.fbm import FBM
from rllib_stackelberg.online.fmucb import FMUCB
from rllib_stackelberg.online.learners import (
    Feedback,
    FollowerLearner,
    FollowerPlayer,
    LeaderLearner,
    LeaderPlayer,
    OnlineLearner,
    Traits,
    learners,
    online_learner,
)
from rllib_stackelberg.online.lnpg import GreedyFollower, GreedyLeader, LNPGFollower, LNPGLeader
from rllib_stackelberg.online.meeting import OnlineRecord, meet
from rllib_stackelberg.online.ucb import UCB
from rllib_stackelberg.online.ucb_grid import UCBGrid
from rllib_stackelberg.online.ucbe import UCBE

__all__ = [
    "FBM",
    "FMUCB",
    "UCB",
    "UCBE",
    "Arena",
    "BestResponse",
    "Exp3",
    "Feedback",
    "FollowerLearner",
    "FollowerPlayer",
    "GreedyFollower",
    "GreedyLeader",
    "LNPGFollower",
    "LNPGLeader",
    "LeaderLearner",
    "LeaderPlayer",
    "OnlineLearner",
    "OnlineRecord",
    "Traits",
    "UCBGrid",
    "learners",
    "meet",
    "online_learner",
]
