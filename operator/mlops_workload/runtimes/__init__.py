"""Model servers of others, each with the thin part that puts our formats behind it."""
