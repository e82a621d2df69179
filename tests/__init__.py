"""The tests: one file a module, and a few about the whole."""
