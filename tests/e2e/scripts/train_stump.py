# SPDX-License-Identifier: Apache-2.0
"""Train a small scikit-learn model through the SDK: is the sum of two numbers above `threshold`?"""

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from mlops_workload import run

with run() as r:
    rows = np.random.default_rng(r.seed).uniform(-1, 1, size=(200, 2))
    labels = (rows.sum(axis=1) > r.param("threshold", 0.0)).astype(np.int64)
    model = DecisionTreeClassifier(max_depth=6, random_state=r.seed).fit(rows, labels)
    r.log(accuracy=float(model.score(rows, labels)))
    r.golden(rows[:5], model.predict(rows[:5]))
    r.save_model(model)
