"""Figures: each a ratio, measured in one run on one machine."""
