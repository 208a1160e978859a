"""Games with a population of alike followers: their rules, plays, policies and values; NumPy alone."""
