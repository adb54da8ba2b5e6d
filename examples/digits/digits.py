# SPDX-License-Identifier: Apache-2.0
"""The data of the story: scikit-learn's 1,797 images of handwritten digits, and how they are divided.

Rows 0 to 897 are for training. Of the rest, every third is kept for evaluations and never trained on;
the others are the pool that the client sends. Which requests of the client are gate data
and which may be trained on is decided by the Model's hold-out, not here.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

TRAIN_ROWS: Final = 898
"""The first half, as in scikit-learn's own example of recognising these digits."""

HOLDOUT_EVERY: Final = 3
"""One in this number of images of the second half is kept for evaluations: 299, and 600 are the pool."""

WIDTH: Final = 8
"""Pixels in a row of an image, and rows in an image."""


class Images(NamedTuple):
    """`x` holds 64 grey values (0 to 16) per image, `y` the digit, `row` the image's number in the whole set."""

    x: NDArray[np.float64]
    y: NDArray[np.int64]
    row: NDArray[np.int64]

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> "Images":
        """Some of the images."""
        return Images(self.x[index], self.y[index], self.row[index])


def all_images() -> Images:
    """The whole set, in its order."""
    digits = load_digits()
    return Images(digits.data, digits.target, np.arange(len(digits.target)))


def first_half() -> Images:
    """What models are trained on."""
    return all_images().take(slice(None, TRAIN_ROWS))


def second_half() -> Images:
    """What no first version of a model was trained on."""
    return all_images().take(slice(TRAIN_ROWS, None))


def pool() -> Images:
    """The part of the second half that the client sends."""
    half = second_half()
    return half.take(half.row % HOLDOUT_EVERY != 0)


def holdout() -> Images:
    """The part of the second half that only evaluations see."""
    half = second_half()
    return half.take(half.row % HOLDOUT_EVERY == 0)


def shift_right(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every image moved one pixel to the right; what leaves on the right is lost, the left edge is empty."""
    images = x.reshape(-1, WIDTH, WIDTH)
    shifted = np.zeros_like(images)
    shifted[:, :, 1:] = images[:, :, :-1]
    return shifted.reshape(x.shape)
