"""Where the bytes are: an S3-compatible store, one in memory for tests, one run as a child."""
