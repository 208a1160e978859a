"""What single games are made of: channels, households, taxes, and solvers of one game each."""
