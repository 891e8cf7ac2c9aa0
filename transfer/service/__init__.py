"""The running service: its processes, how they begin, are watched, and end."""
