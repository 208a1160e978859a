"""How followers respond: engines, the kinds of response, models of followers, settings."""

from rllib_stackelberg.response.response import Record, Response

__all__ = ["Record", "Response"]
