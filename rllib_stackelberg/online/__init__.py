"""Leaders that learn while their followers learn too. Importing it registers every learner."""

from rllib_stackelberg.online.arena import Arena
from rllib_stackelberg.online.best_response import BestResponse
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
from rllib_stackelberg.online.ucb_grid import UCBGrid

__all__ = [
    "Arena",
    "BestResponse",
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
