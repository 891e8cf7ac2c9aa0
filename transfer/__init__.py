"""Case Transfer: resumable, verified file transfer onto support cases."""

__version__ = "0.1.0"
