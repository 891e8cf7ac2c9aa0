"""A real store to delete things from."""

from tests.seaweed import seaweed as seaweed
