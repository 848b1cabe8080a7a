"""What a model must beat: ridge regression and retrieval, from the same embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

_RIDGE_DRAWS = 40


def ridge(train_x: Array, train_y: Array, test_x: Array, *, alpha: float = 100.0) -> Array:
    """Ridge regression on standardised embeddings, with a Gaussian spread a gene.

    The spread is the standard deviation of residuals in five-fold cross-validation over
    contiguous training spots: those of the fit itself would be too small.

    Returns
    -------
    (K, n, c) evenly spaced quantiles of the predicted Gaussians; their mean is the regression.
    """
    model = make_pipeline(StandardScaler(), Ridge(alpha))
    folds = KFold(min(5, len(train_x)))
    spread = (train_y - cross_val_predict(model, train_x, train_y, cv=folds)).std(axis=0)
    mean = model.fit(train_x, train_y).predict(test_x)
    quantiles = norm.ppf((np.arange(_RIDGE_DRAWS) + 0.5) / _RIDGE_DRAWS)
    return np.asarray(mean + quantiles[:, None, None] * spread, dtype=np.float32)


def nearest(train_x: Array, train_y: Array, test_x: Array, *, k: int = 50) -> Array:
    """The values of the k training spots with the nearest standardised embeddings.

    Returns
    -------
    (k, n, c); their mean is the retrieval prediction, their spread its uncertainty.
    """
    scaler = StandardScaler().fit(train_x)
    search = NearestNeighbors(n_neighbors=min(k, len(train_x))).fit(scaler.transform(train_x))
    found = search.kneighbors(scaler.transform(test_x), return_distance=False)
    draws: Array = train_y[found].transpose(1, 0, 2)
    return draws
