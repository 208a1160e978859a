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
from rllib_stackelberg.online.meeting import OnlineRecord, meet

__all__ = [
    "Arena",
    "BestResponse",
    "Feedback",
    "FollowerLearner",
    "FollowerPlayer",
    "LeaderLearner",
    "LeaderPlayer",
    "OnlineLearner",
    "OnlineRecord",
    "Traits",
    "learners",
    "meet",
    "online_learner",
]
