"""The decisions on a TrainingJob, each a small pure function of its own."""
