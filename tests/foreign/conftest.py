"""Every test has an empty shelf of its own."""

import pytest


@pytest.fixture(autouse=True)
def shelf(tmp_path, monkeypatch):
    folder = tmp_path / "shelf"
    monkeypatch.setenv("UNBLUR_MODELS", str(folder))
    return folder
