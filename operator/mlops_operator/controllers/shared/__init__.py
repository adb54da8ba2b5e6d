"""What several kinds' controllers need: names, labels, pods, Jobs and their results."""
