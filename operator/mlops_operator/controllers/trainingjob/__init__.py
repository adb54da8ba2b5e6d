"""TrainingJob: one run of training code to its end, attempt by attempt."""
