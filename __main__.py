"""`python -m berthwatch` is the same as `berthwatch`."""

from .cli import main

# Worker processes import this module again under another name.
if __name__ == "__main__":
    main()
