"""Campaigns: a short slice of each in ``make test``, the whole of it in ``make soak``, with a seed to repeat it by."""

import os

import pytest

WHOLE = bool(os.environ.get("YUANJIAN_SOAK"))
"""Whether campaigns run whole."""

campaign = pytest.mark.slow
"""Marks a test that ``make soak`` runs whole."""


def rounds(slice_: int, whole: int) -> int:
    """How many rounds to run."""
    return whole if WHOLE else slice_


def seed(default: int) -> int:
    """The seed: ``YUANJIAN_SOAK_SEED`` when given, else the same every time."""
    return int(os.environ.get("YUANJIAN_SOAK_SEED", default))
