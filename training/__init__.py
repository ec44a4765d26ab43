"""Labelled pictures in, a detector with honest figures out."""
