# SPDX-License-Identifier: Apache-2.0
"""Model formats: how each is saved, loaded and asked for predictions.

One registry for the SDK, the evaluation, the golden check and the server: a format is
added here, in one place, and all of them know it. Loading a pickle-based format runs
code from the artifact: only load what a digest pins and a trusted run wrote.
"""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mlops_workload.errors import ConfigurationInvalidError, ModelLoadFailedError

SKLEARN_SUFFIXES: Final = (".joblib", ".pkl", ".pickle")


class Predictor(Protocol):
    """A loaded model."""

    def predict(self, inputs: NDArray[Any], /) -> NDArray[Any]:
        """One prediction per row of `inputs` (shape `(rows, features)`); raises ValueError for unfit inputs."""
        ...


class Format(NamedTuple):
    """How models of one format are saved (`suffix` is that of the file) and loaded."""

    name: str
    suffix: str
    save: Callable[[Any, Path], None]
    load: Callable[[Path], Predictor]


def format_named(name: str) -> Format:
    """The format called `name`.

    Raises:
        ConfigurationInvalidError: there is none; the known ones are named.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise ConfigurationInvalidError(f"expected a format of {sorted(FORMATS)}, found {name!r}") from None


def load_model(path: Path, *, format: str) -> Predictor:
    """Load the model in the file or folder `path`.

    Raises:
        ConfigurationInvalidError: an unknown format.
        ModelLoadFailedError: nothing is there, or it is no model of that format.
    """
    return format_named(format).load(path)


def features_of(model: Predictor) -> int | None:
    """Number of features that a row must have, if the model defines it."""
    found = getattr(model, "n_features_in_", None)
    return None if found is None else int(found)


def probabilities_of(model: Predictor, inputs: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[Any]] | None:
    """Class probabilities (shape `(rows, classes)`) and the classes of the columns; None if the model has none."""
    if not hasattr(model, "predict_proba") or not hasattr(model, "classes_"):
        return None
    return np.asarray(model.predict_proba(inputs), dtype=np.float64), np.asarray(model.classes_)


def _save_sklearn(model: Any, path: Path) -> None:
    import joblib

    joblib.dump(model, path)


def _load_sklearn(path: Path) -> Predictor:
    import joblib

    file = _only_file(path, SKLEARN_SUFFIXES)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = joblib.load(file)
        except Exception as error:  # unpickling runs code of the artifact, which may raise anything
            raise ModelLoadFailedError(
                f"expected a scikit-learn model saved by joblib in {file.name}, "
                f"loading it raised {type(error).__name__}: {error}; {_versions(caught)}"
            ) from error
    for warning in caught:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if not callable(getattr(model, "predict", None)):
        raise ModelLoadFailedError(
            f"expected a scikit-learn model in {file.name}, found a {type(model).__name__} without predict()"
        )
    return model  # type: ignore[no-any-return]


def _versions(caught: Iterable[warnings.WarningMessage]) -> str:
    """The versions that matter to a pickle, and what to do if they are not those of the training."""
    import sklearn
    from sklearn.exceptions import InconsistentVersionWarning

    found = (entry.message for entry in caught)
    saved = next(
        (entry.original_sklearn_version for entry in found if isinstance(entry, InconsistentVersionWarning)), ""
    )
    by = f"the model was saved by scikit-learn {saved}, and " if saved else ""
    return (
        f"{by}this image has scikit-learn {sklearn.__version__} and Python {platform.python_version()}: "
        "train with these versions, or set an image with those of the training"
    )


def _only_file(path: Path, suffixes: tuple[str, ...]) -> Path:
    if path.is_file():
        return path
    # An absent folder and an empty one are the same failure to the reader of the message.
    found = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    files = [name for name in found if name.endswith(suffixes)]
    if len(files) != 1:
        raise ModelLoadFailedError(
            f"expected exactly one file ending in {', '.join(suffixes)} in {path}, found {found or 'nothing'}"
        )
    return path / files[0]


FORMATS: Final[Mapping[str, Format]] = {
    "sklearn": Format(name="sklearn", suffix=".joblib", save=_save_sklearn, load=_load_sklearn),
}
