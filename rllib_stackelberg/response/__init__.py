"""How followers respond: engines, the kinds of response, models of followers, settings."""

from rllib_stackelberg.response.learned_rows import Record
from rllib_stackelberg.response.response import Response

__all__ = ["Record", "Response"]
