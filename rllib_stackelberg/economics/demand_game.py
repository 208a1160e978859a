"""The games in which LNPG can learn: a leader's price, a follower's order and price, and demand linear in the price."""

from __future__ import annotations

from rllib_stackelberg.economics.newsvendor import Market
from rllib_stackelberg.rules.game import StackelbergGame


class DemandGame(StackelbergGame):
    """A game of a supplier and a retailer that everybody knows but for the two numbers of demand.

    The leader's action is a wholesale price, the follower's an order and a retail price, the signal demand, and the
    `estimand` its intercept and slope.

    Attributes:
        market: its true numbers; learners read what is public in it, all but `theta0` and `theta1`.
    """

    market: Market
