"""Benchmarks behind ``ovation bench``: each measures and prints, none asserts."""
