"""The leader as RLlib trains it: environment, modules, learners, env runners, batches."""
