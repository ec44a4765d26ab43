"""`python -m berthwatch` is the same as `berthwatch`."""

from .cli import main

main()
