"""The way to the case core: the embedded one, and the events that it is told."""
