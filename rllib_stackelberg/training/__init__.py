"""Training leaders with RLlib. The only place that imports ray and torch."""

import os

LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Read when ray is imported: at 0 a Ray that this process starts listens on loopback, whatever the system."""

os.environ.setdefault(LOOPBACK, "0")
