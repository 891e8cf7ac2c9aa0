"""The identity provider of staff, asked over HTTPS."""
