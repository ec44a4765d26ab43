"""berthwatch: from satellite scenes to tankers, berths, visits and barrels, with honest uncertainty."""

__version__ = "0.1.0"
