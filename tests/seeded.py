"""A random source of a test's own: another in each run, its seed printed so that a failure can be repeated."""

from __future__ import annotations

import os
import random


def source() -> random.Random:
    """Set OCR_TEST_SEED to a printed seed to run the same again."""
    seed = int(os.environ.get("OCR_TEST_SEED") or random.SystemRandom().randrange(2**32))
    print(f"OCR_TEST_SEED={seed}")
    return random.Random(seed)
