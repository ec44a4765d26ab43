"""Synthetic pictures with exact truth: scenes over time for the demo and tests, chips for training.

From the general to the particular: `scene` writes georeferenced scenes, `chips` makes training chips, both through
`picture` (sea, harbour, ships, sky, sensor); `random_harbour`, `oil_port` and `fleet` decide what is where.
"""
