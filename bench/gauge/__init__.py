"""Measures the cost of a request, for Maitred and other servers under the same load."""
