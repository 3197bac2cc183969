"""Every test has an empty model_store of its own."""

import pytest


@pytest.fixture(autouse=True)
def model_store(tmp_path, monkeypatch):
    folder = tmp_path / "model_store"
    monkeypatch.setenv("UNBLUR_MODELS", str(folder))
    return folder
