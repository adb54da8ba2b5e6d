"""The decisions on a Model, each a small pure function of its own."""
