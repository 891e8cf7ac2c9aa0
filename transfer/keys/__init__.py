"""Keys of cases: made, kept wrapped by a master key, handed out, destroyed."""
