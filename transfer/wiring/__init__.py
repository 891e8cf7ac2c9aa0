"""The composition root: the only package that imports every adapter. Plain code, no container."""
