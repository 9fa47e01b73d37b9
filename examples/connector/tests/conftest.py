"""Failures of the contract suite are explained as those of our own tests are."""

import pytest

pytest.register_assert_rewrite("bridge.contract")
