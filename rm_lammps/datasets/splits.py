"""Reproducible training/validation splits."""

import numpy as np


def split_indices(n: int, *, validation: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split ``n`` structures at random.

    Args:
        n: number of structures.
        validation: fraction set aside, 0 to 1. With a single structure, or a fraction that sets
            none aside, validation uses the training structures under noise of its own.
        seed: same seed, same split.

    Returns:
        Sorted indices of the training and of the validation structures.

    """
    n_validation = round(validation * n) if n > 1 else 0
    if n_validation == 0:
        everything = np.arange(n)
        return everything, everything
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])
