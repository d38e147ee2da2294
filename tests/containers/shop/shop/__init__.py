"""The package of a user's application."""
