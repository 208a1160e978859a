"""Optimal commitment from matrices: to a follower, to one of private types, to several; exact where it decides."""
