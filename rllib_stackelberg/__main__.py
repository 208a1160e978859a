"""`python -m rllib_stackelberg`."""

from rllib_stackelberg.cli import main

main()
