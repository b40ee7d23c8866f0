"""The peak of memory is that of the work, not of what came before."""

import numpy as np
import pytest

from diptych.benchmark.memory import FORGET, STATUS, forget_peak, peak_megabytes

MEGABYTE = 1 << 20


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells how much memory a process held at most")
def test_a_peak_is_forgotten_and_seen_again() -> None:
    if not FORGET.exists():
        pytest.skip("this system does not begin a new measurement of memory")
    np.ones(300 * MEGABYTE, dtype=np.uint8).sum()
    before = peak_megabytes()
    forget_peak()
    low = peak_megabytes()
    np.ones(100 * MEGABYTE, dtype=np.uint8).sum()
    high = peak_megabytes()
    assert before is not None
    assert low is not None
    assert high is not None
    assert low < before - 200
    assert 80 < high - low < 200
