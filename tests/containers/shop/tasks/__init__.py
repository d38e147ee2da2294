"""The package of the tasks beside it."""
