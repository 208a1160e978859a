"""Training of both sides of a population game on RLlib."""
