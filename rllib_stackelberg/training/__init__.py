"""Training leaders with RLlib. The only place that imports ray and torch."""

import os

from rllib_stackelberg.training.running.loopback import LOOPBACK

os.environ.setdefault(LOOPBACK, "0")
