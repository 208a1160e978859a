"""The leader's problem: how it is asked, what its critic sees, its environment and its policy."""
