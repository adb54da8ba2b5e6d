"""The decisions on a ModelVersion, each a small pure function of its own."""
