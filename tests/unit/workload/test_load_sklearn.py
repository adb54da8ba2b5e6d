# SPDX-License-Identifier: Apache-2.0
"""A pickle that cannot be loaded is told with the versions that matter, in one line."""

from pathlib import Path
from typing import Any

import joblib
import pytest
import sklearn.base
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import InconsistentVersionWarning

from mlops_workload.errors import ModelLoadFailedError
from mlops_workload.formats import load_model


class Moved:
    """Pickles as an object whose loading fails, as one does whose class was moved in another release."""

    def __reduce__(self) -> Any:
        return int, ("moved",)


@pytest.fixture
def of_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "model.joblib"
    model = DummyClassifier().fit([[1], [2]], [0, 1])
    with monkeypatch.context() as patch:
        patch.setattr(sklearn.base, "__version__", "0.24.1")
        joblib.dump([model, Moved()], path)
    return path


def test_what_is_no_pickle_names_the_versions_of_the_image(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_text("no model")
    with pytest.raises(ModelLoadFailedError) as caught:
        load_model(tmp_path, format="sklearn")
    assert "loading it raised" in caught.value.message
    assert f"this image has scikit-learn {sklearn.__version__} and Python 3." in caught.value.message
    assert caught.value.message.endswith("or set an image with those of the training")
    assert "\n" not in caught.value.message


def test_a_pickle_of_another_version_names_that_version(of_another_version: Path) -> None:
    with pytest.raises(ModelLoadFailedError) as caught:
        load_model(of_another_version, format="sklearn")
    assert "the model was saved by scikit-learn 0.24.1, and this image has" in caught.value.message


def test_one_that_loads_all_the_same_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.joblib"
    with monkeypatch.context() as patch:
        patch.setattr(sklearn.base, "__version__", "0.24.1")
        joblib.dump(DummyClassifier().fit([[1], [2]], [0, 1]), path)
    with pytest.warns(InconsistentVersionWarning, match="0.24.1"):
        load_model(path, format="sklearn")
