"""Gaussian process regression with weights, landmarks and closed-form cross-validation.

After Rasmussen and Williams (2006): the kernel is a squared exponential plus a linear one, the
noise of a label is divided by its weight, and the hyperparameters maximize the marginal likelihood
of at most `JUDGED` labels times a prior around values that are usual for essays. Where there are
more labels than `LANDMARKS`, the weights of the kernel functions at so many random essays are
fitted to all labels (projected process, ibid., section 8.3.4), which is exact below that number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

LANDMARKS = 1500
JUDGED = 600
USUAL = np.array([0.0, 0.5, -1.0, -1.0])  # logs: size, length scale, linear part, noise
SPREAD = 1.5  # SD of the prior of each
BOUNDS = (-5.0, 4.0)
JITTER = 1e-6
BLOCK = 1000  # essays that are predicted together


@dataclass
class GaussianProcess:
    """A fitted Gaussian process.

    Parameters
    ----------
    theta : hyperparameters, shape (4,), as `USUAL`.
    landmarks : features, shape (m, f).
    alpha : weights of the kernel at the landmarks, shape (m,).
    reduction : what the labels take from the prior variance, shape (m, m).
    mean, sd : of the labels.
    """

    ARRAYS: ClassVar = ("theta", "landmarks", "alpha", "reduction", "mean", "sd")

    theta: np.ndarray
    landmarks: np.ndarray
    alpha: np.ndarray
    reduction: np.ndarray
    mean: float
    sd: float

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predicted score of each essay, and the standard deviation of a human score around it,
        noise included; both of shape (n,)."""
        means, variances = [np.empty(0)], [np.empty(0)]
        for first in range(0, len(features), BLOCK):
            block = features[first : first + BLOCK]
            k = kernel(block, self.landmarks, self.theta)
            size, _, linear, noise = np.exp(self.theta)
            prior = size + linear * (block**2).mean(axis=1) + noise
            known = ((k @ self.reduction) * k).sum(axis=1)
            means.append(k @ self.alpha)
            variances.append(np.clip(prior - known, noise, None))
        mean, variance = np.concatenate(means), np.concatenate(variances)
        return self.mean + self.sd * mean, self.sd * np.sqrt(variance)


def kernel(a: np.ndarray, b: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Covariance of the essays `a` and `b`, shapes (n, f) and (m, f): shape (n, m)."""
    size, scale, linear, _ = np.exp(theta)
    return size * np.exp(-_distances(a, b) / (2 * scale**2)) + linear * (a @ b.T) / a.shape[1]


def fit_gaussian_process(
    features: np.ndarray,
    score: np.ndarray,
    weight: np.ndarray,
    parts: list[tuple[np.ndarray, np.ndarray]],
    seed: int,
) -> tuple[GaussianProcess, np.ndarray]:
    """Fit to labels, and predict each part from the others.

    Parameters
    ----------
    features : shape (n, f), standardized.
    score, weight : labels and their weights, shape (n,); a label of weight 0 is not learned from.
    parts : row numbers to learn from and to predict.

    Returns
    -------
    (the process; predictions of shape (n,), of which each is made without its own label, but with
    the hyperparameters that all labels gave; nan where no part has the row)
    """
    used = np.flatnonzero(weight > 0)
    rng = np.random.default_rng(seed)
    mean = np.average(score, weights=weight)
    sd = float(np.sqrt(np.average((score - mean) ** 2, weights=weight))) or 1.0
    z = (score - mean) / sd
    some = np.sort(rng.permutation(used)[:JUDGED])
    theta = _most_likely(features[some], z[some], weight[some])
    landmarks = features[np.sort(rng.permutation(used)[:LANDMARKS])]
    m, noise = len(landmarks), np.exp(theta[3])
    root = cholesky(kernel(landmarks, landmarks, theta) + JITTER * np.eye(m), lower=True)
    basis = solve_triangular(root, kernel(landmarks, features, theta), lower=True).T
    product = basis.T @ (weight[:, None] * basis)
    target = basis.T @ (weight * z)

    def solved(product: np.ndarray, target: np.ndarray):
        factor = cho_factor(product + noise * np.eye(m), lower=True)
        return cho_solve(factor, target), factor

    held_out = np.full(len(score), np.nan)
    for _, rows in parts:
        part, w = basis[rows], weight[rows]
        rest = product - part.T @ (w[:, None] * part), target - part.T @ (w * z[rows])
        held_out[rows] = mean + sd * part @ solved(*rest)[0]
    coef, factor = solved(product, target)
    inverse = solve_triangular(root, np.eye(m), lower=True)
    reduction = inverse.T @ (np.eye(m) - noise * cho_solve(factor, np.eye(m))) @ inverse
    return GaussianProcess(theta, landmarks, inverse.T @ coef, reduction, mean, sd), held_out


def _most_likely(x: np.ndarray, z: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Hyperparameters of the highest posterior density (ibid., section 5.4.1)."""
    distances, product = _distances(x, x), x @ x.T / x.shape[1]
    noise_of = 1 / weight

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        size, scale, linear, noise = np.exp(theta)
        near = size * np.exp(-distances / (2 * scale**2))
        total = near + linear * product
        total[np.diag_indices_from(total)] += noise * noise_of + JITTER
        factor = cho_factor(total, lower=True)
        alpha = cho_solve(factor, z)
        gap = np.outer(alpha, alpha) - cho_solve(factor, np.eye(len(z)))
        slopes = near, near * distances / scale**2, linear * product
        gradient = [-0.5 * (gap * s).sum() for s in slopes]
        gradient.append(-0.5 * noise * (np.diag(gap) * noise_of).sum())
        off = (theta - USUAL) / SPREAD
        value = 0.5 * z @ alpha + np.log(np.diag(factor[0])).sum() + 0.5 * (off**2).sum()
        return value, np.array(gradient) + off / SPREAD

    found = minimize(
        loss, USUAL, jac=True, method="L-BFGS-B", bounds=[BOUNDS] * 4, options={"maxiter": 40}
    )
    return found.x


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances, per feature."""
    square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.maximum(square, 0) / a.shape[1]
