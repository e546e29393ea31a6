"""Benchmarks: what refsync costs beside a baseline, as ratios measured in the same run (`make bench`)."""
