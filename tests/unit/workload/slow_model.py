# SPDX-License-Identifier: Apache-2.0
"""A model that takes its time. In a module of its own, since the server that loads it has no pytest."""

import time
from typing import Any

import numpy as np


class SlowModel:
    """Answers after a second, so that a request can be caught in flight."""

    def predict(self, x: Any) -> Any:
        time.sleep(1)
        return np.zeros(len(x), dtype=np.int64)
