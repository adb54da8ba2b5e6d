"""F11: two operators, one lease."""
