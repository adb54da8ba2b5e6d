"""What decides a RetrainPolicy: signals, schedules, guards, and what is remembered."""
