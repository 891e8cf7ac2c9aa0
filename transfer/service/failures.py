"""What ends a service that nobody asked to end."""


class ServiceError(RuntimeError):
    """The service can't start or can't go on; the message is for whoever started it."""
