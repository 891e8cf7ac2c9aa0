"""Stores to hold to the contract."""

import pytest

from tests.seaweed import bucket as bucket
from tests.seaweed import seaweed as seaweed

pytest.register_assert_rewrite(
    "tests.contract.storage.object_store_contract", "tests.contract.storage.multipart_contract"
)
