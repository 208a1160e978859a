"""What `taxation` was trained with by default before its government was made steady: settings of recorded tables."""

from __future__ import annotations

from typing import Any

from rllib_stackelberg.populations.settings import PAPER

EARLIER: dict[str, Any] = PAPER | {
    "plays": 6,
    "random_epochs": 2,
    "critic_epochs": 1,
    "rate": 1e-4,
    "critic_rate": 1e-3,
    "noise": 0.1,
    "noise_decay": 0.95,
    "squash_penalty": 0.1,
    "member_pull": 0.0,
    "hidden": (64, 64),
    "actor_hidden": (32, 32),
}
"""As the paper's code, but for these."""
