"""Baselines from the same embeddings: ridge regression and nearest neighbours.

Both give draws (K, n, c), so that they are scored as the model is, spread included.
"""

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

    Array = NDArray[np.floating]

_RIDGE_DRAWS = 39
_FOLDS = 5


def ridge(train_x: Array, train_y: Array, test_x: Array, *, alpha: float = 100.0) -> Array:
    """Ridge regression on standardised embeddings, with a Gaussian spread of each gene.

    The spread is the root mean square residual in five-fold cross-validation over contiguous
    training spots: residuals of the fit itself would be too small, and so would those of folds
    whose spots have their neighbours in the training set.

    Parameters
    ----------
    train_x, test_x
        (m, d) and (n, d) embeddings.
    train_y
        (m, c) values; at least two spots.
    alpha
        Weight of the penalty; the intercept has none.

    Returns
    -------
    (39, n, c) quantiles 1/40 … 39/40 of the predicted Gaussians: their mean is the regression,
    and `evaluation.metrics.coverage` finds exactly their 5 % and 95 % quantiles.
    """
    model = make_pipeline(StandardScaler(), Ridge(alpha))
    folds = KFold(min(_FOLDS, len(train_x)))
    residual = train_y - cross_val_predict(model, train_x, train_y, cv=folds).reshape(train_y.shape)
    spread = np.sqrt((residual**2).mean(axis=0))
    mean = model.fit(train_x, train_y).predict(test_x).reshape(-1, train_y.shape[1])
    quantiles = norm.ppf(np.arange(1, _RIDGE_DRAWS + 1) / (_RIDGE_DRAWS + 1))
    return np.asarray(mean + quantiles[:, None, None] * spread, dtype=np.float32)


def nearest(train_x: Array, train_y: Array, test_x: Array, *, k: int = 50) -> Array:
    """The values of the k training spots with the nearest embeddings.

    Distance is Euclidean over standardised embeddings.

    Returns
    -------
    (k, n, c), or all training spots where there are fewer; their mean is the 50-NN
    prediction, their spread its uncertainty.
    """
    scaler = StandardScaler().fit(train_x)
    search = NearestNeighbors(n_neighbors=min(k, len(train_x))).fit(scaler.transform(train_x))
    found = search.kneighbors(scaler.transform(test_x), return_distance=False)
    return np.moveaxis(train_y[found], 1, 0)
