"""Many binary logistic regressions on the same dense rows, fitted together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from parrot_bench.models.out_of_fold import STRENGTH

if TYPE_CHECKING:
    from parrot_bench.models.out_of_fold import Chances, Targets

Matrix = NDArray[np.float64]
MOST_STEPS = 500
TOLERANCE = 1e-3
"""Largest slope at which the fits are done; probabilities are then within 0.001."""


def standardised(learnt: Matrix, asked: Matrix) -> tuple[Matrix, Matrix]:
    """Columns of mean 0 and variance 1 over the training part, divided by the root of the width.

    Rows are then of about unit length, as those of tf-idf are, so that one penalty suits both and
    models whose vectors all point the same way are not at a disadvantage.

    Args:
        learnt: Training part, shape (n, width).
        asked: What is asked about, shape (m, width).
    """
    mean, spread = learnt.mean(axis=0), learnt.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0) * np.sqrt(learnt.shape[1])
    return (learnt - mean) / spread, (asked - mean) / spread


def fit_together(learnt: Matrix, targets: Targets, asked: Matrix) -> Chances:
    """Probabilities of one L2-penalised logistic regression a label.

    The regressions are independent; solving them as one problem makes each step two matrix
    products over all labels, which is what makes hundreds of labels quick. Intercepts are not
    penalised; no randomness is involved.

    Args:
        learnt: Training part, shape (n, width).
        targets: Which labels each of its rows has, shape (n, labels), neither never nor always.
        asked: What is asked about, shape (m, width).

    Returns:
        Shape (m, labels).
    """
    from scipy.optimize import minimize

    width, labels = learnt.shape[1], targets.shape[1]
    # Along the data's own axes, and measured by the curvature that a label of this rate would have
    # without features, all directions of all labels are about equally steep: few steps are needed.
    spread, axes = np.linalg.eigh(learnt.T @ learnt)
    rate = targets.mean(axis=0)
    curved = STRENGTH * rate * (1 - rate)
    scale = 1 / np.sqrt(np.vstack([np.outer(spread.clip(0), curved) + 1, len(learnt) * curved]))
    turned, signs = learnt @ axes, np.where(targets, -1.0, 1.0)

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        weights = flat.reshape(width + 1, labels) * scale
        margins = signs * (turned @ weights[:-1] + weights[-1])
        tail = np.exp(-np.abs(margins))
        value = STRENGTH * float(np.sum(np.maximum(margins, 0) + np.log1p(tail)))
        pull = STRENGTH * signs * np.where(margins > 0, 1.0, tail) / (1 + tail)
        slope = np.vstack([turned.T @ pull + weights[:-1], pull.sum(axis=0)]) * scale
        return value + 0.5 * float(np.sum(weights[:-1] ** 2)), slope.ravel()

    start = np.vstack([np.zeros((width, labels)), np.log(rate / (1 - rate))]) / scale
    # The default would stop where all labels together gain little, and rare ones are not done.
    options = {"maxiter": MOST_STEPS, "maxfun": 2 * MOST_STEPS, "gtol": TOLERANCE, "ftol": 0.0}
    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    weights = found.x.reshape(width + 1, labels) * scale
    weights[:-1] = axes @ weights[:-1]
    logits = asked @ weights[:-1] + weights[-1]
    tail = np.exp(-np.abs(logits))
    chances: Matrix = np.where(logits > 0, 1.0, tail) / (1 + tail)
    return chances
