"""How followers respond: engines, the kinds of response, models of followers, settings."""
