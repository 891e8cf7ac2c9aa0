"""The HTTP door: translates HTTP to the engine, and decides nothing."""
