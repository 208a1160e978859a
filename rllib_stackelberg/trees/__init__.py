"""Games in extensive form: trees of moves, and what to commit to in them."""
