"""Fixed answers in step-by-step training.

With `leader_queries="every_turn"` the leader's answer to an observation is drawn once per episode and kept (the
paper's policy class). The memory sits where actions leave the network, so that what is recorded and what is
executed are the same action with the log-probability it was first drawn with.
"""

from __future__ import annotations

from typing import Any

from ray.rllib.connectors.connector_v2 import ConnectorV2
from ray.rllib.core.columns import Columns

REMEMBERED = (Columns.ACTIONS, Columns.ACTION_LOGP, Columns.ACTION_DIST_INPUTS)


class RememberAnswers(ConnectorV2):
    """Module-to-env connector: replaces a repeated observation's outputs by those of its first occurrence."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.answers: dict[str, dict[bytes, dict[str, Any]]] = {}

    def __call__(self, *, rl_module: Any, batch: dict, episodes: list, **kwargs: Any) -> dict:
        """Fill in remembered answers, remember new ones, forget ended episodes."""
        alive = {episode.id_ for episode in episodes}
        self.answers = {name: answers for name, answers in self.answers.items() if name in alive}
        columns = [column for column in REMEMBERED if column in batch]
        for episode in episodes:
            # At this stage a column maps (episode id,) to the list of its items: one, in a single-agent episode.
            item = (episode.id_,)
            if not episode.is_reset or item not in batch[columns[0]]:
                continue
            key = episode.get_observations(-1)["actor"].tobytes()
            known = self.answers.setdefault(episode.id_, {})
            answer = known.setdefault(key, {column: batch[column][item][0] for column in columns})
            for column in columns:
                batch[column][item] = [answer[column]]
        return batch


def remember_answers(*args: Any) -> RememberAnswers:
    """Factory in the form RLlib calls it."""
    return RememberAnswers()
