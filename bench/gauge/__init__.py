"""Maitred and its peers under the same load: what a request costs each of them."""
