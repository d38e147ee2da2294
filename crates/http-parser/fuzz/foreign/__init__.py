"""Compare Maitred's request parser with those of other projects, on fuzzed input."""
