"""What decides an Evaluation: sample size, floor, change, and how the rules add up."""
