"""F7: watches that end badly, on the real operator process."""
