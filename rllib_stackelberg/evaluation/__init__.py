"""What leaders are worth: values, certificates, estimates, gaps, verdicts, baselines."""

from rllib_stackelberg.evaluation.strategies import evaluate_policy, evaluate_strategy, pure_equilibria, respond

__all__ = ["evaluate_policy", "evaluate_strategy", "pure_equilibria", "respond"]
