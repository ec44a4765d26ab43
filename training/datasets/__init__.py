"""Labelled datasets as users have them, read into one form: see read.py."""
