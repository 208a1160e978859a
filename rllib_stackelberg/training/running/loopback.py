"""Where a Ray that this process starts listens: on loopback alone, unless somebody says otherwise."""

LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Read when ray is imported: at 0 a Ray that this process starts listens on loopback, whatever the system."""
