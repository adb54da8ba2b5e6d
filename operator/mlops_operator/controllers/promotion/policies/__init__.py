"""What decides a Promotion, one question each."""
