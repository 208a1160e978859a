"""What `taxation` was trained with by default in two earlier times: settings of recorded tables."""

from __future__ import annotations

from typing import Any

EARLIER: dict[str, Any] = {
    "plays": 6,
    "epoch_periods": 300,
    "updates": 100,
    "normalising_epochs": 10**6,
    "n_step": 1,
    "recent": 0.0,
    "popart": False,
    "rate": 1e-4,
    "rate_decay": 0.95,
    "critic_rate_decay": 0.95,
    "rate_decay_epochs": 35,
    "noise_decay": 0.95,
    "leader_pace": 1.0,
    "pace_decay": 1.0,
    "averaging": 0.0,
    "critics": 1,
    "layer_norm": False,
    "cutting": 0.0,
    "member_pull": 0.0,
    "keep": "best",
}
"""Before its government was made steady."""

SLOWER: dict[str, Any] = {
    "epoch_periods": 1200,
    "updates": 200,
    "normalising_epochs": 10**6,
    "rate": 1.5e-3,
    "rate_decay": 0.8,
    "rate_decay_epochs": 3,
    "noise_decay": 0.85,
    "averaging": 0.3,
}
"""What differs from today's settings in those by which it went on drifting after 12 epochs."""
