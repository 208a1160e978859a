"""What `taxation` was trained with by default before its government was made steady: settings of recorded tables."""

from __future__ import annotations

from typing import Any

EARLIER: dict[str, Any] = {
    "plays": 6,
    "epoch_periods": 300,
    "updates": 100,
    "random_epochs": 2,
    "batch_members": 8,
    "kept_members": 100,
    "buffer_periods": 10**6,
    "centred": False,
    "activation": "relu",
    "recent": 0.0,
    "popart": False,
    "rate": 1e-4,
    "critic_rate": 1e-3,
    "rate_decay": 0.95,
    "critic_rate_decay": 0.95,
    "rate_decay_epochs": 35,
    "noise": 0.1,
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
