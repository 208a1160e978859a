"""Training leaders with RLlib. The only place that imports ray and torch."""
