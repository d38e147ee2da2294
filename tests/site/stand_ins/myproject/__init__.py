"""A project that pages talk about."""
