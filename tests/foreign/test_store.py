"""The models folder: whole models or none, checksums, names."""

import json

import pytest
from PIL import Image

from tests.foreign.made import brighten, run
from unblur.errors import CorruptWeights, UnknownModel
from unblur.runtime import ONE_THREAD
from unblur.zoo import catalogue, store
from unblur.zoo.models import default_session


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "Brighter Net.onnx"
    path.write_bytes(brighten())
    return path


def test_add_list_show_remove(network, model_store):
    said = run("models", "add", network, "--licence", "MIT", "--trained-on", "nothing").stdout
    assert said.startswith("brighter-net: ") and "MIT" in said and "0..1" in said
    assert sorted(p.name for p in model_store.iterdir()) == [
        "brighter-net.json",
        "brighter-net.onnx",
    ]
    assert (model_store / "brighter-net.onnx").read_bytes() == network.read_bytes()
    rows = {row["name"]: row for row in json.loads(run("models", "list", "--json").stdout)}
    row = rows["brighter-net"]
    assert (row["kind"], row["licence"], row["bytes"]) == ("foreign", "MIT", len(brighten()))
    assert row["seconds_per_mpx"] > 0 and not row["default"] and rows["unblur"]["kind"] == "own"
    assert "brighter-net: network from elsewhere" in run("models", "list").stdout
    shown = json.loads(run("models", "show", "brighter-net").stdout)
    assert (shown["origin"], shown["trained_on"]) == ("Brighter Net.onnx", "nothing")
    run("models", "remove", "brighter-net")
    assert list(model_store.iterdir()) == []
    assert "no model 'brighter-net'" in run("models", "remove", "brighter-net", expect=4).stderr


def test_names(network):
    assert "one of ours" not in run("models", "add", network, "--name", "a.b_c-1").stdout
    for name in ("unblur", "wiener", "kernel_net", "blurry"):
        result = run("models", "add", network, "--name", name, expect=3)
        assert "model of ours" in result.stderr
    for name in ("Up", "a b", "../a", "a+gate", "-a", "a" * 65):
        run("models", "add", network, f"--name={name}", expect=3)
    assert "did you mean 'a.b_c-1'" in run("models", "show", "a.b_c-2", expect=4).stderr


def test_nothing_is_replaced_unasked(network, model_store):
    run("models", "add", network, "--name", "a")
    network.write_bytes(brighten(by=0.03))
    assert "--overwrite" in run("models", "add", network, "--name", "a", expect=6).stderr
    assert (model_store / "a.onnx").read_bytes() == brighten()
    run("models", "add", network, "--name", "a", "--overwrite")
    assert (model_store / "a.onnx").read_bytes() == brighten(by=0.03)
    assert default_session(ONE_THREAD).restorer("a").name == "a"


def test_damage_is_noticed(network):
    run("models", "add", network, "--name", "a")
    folder = store.models_folder()
    (folder / "a.onnx").write_bytes(brighten(by=0.5))
    with pytest.raises(CorruptWeights, match="checksum"):
        default_session(ONE_THREAD).restorer("a")
    (folder / "a.onnx").unlink()
    with pytest.raises(CorruptWeights, match="cannot read"):
        default_session(ONE_THREAD).restorer("a")
    record = json.loads((folder / "a.json").read_text())
    for text in ("{", json.dumps(record | {"format": 99}), json.dumps(record | {"halo_px": "x"})):
        (folder / "a.json").write_text(text)
        with pytest.raises(CorruptWeights, match="unblur models remove a"):
            default_session(ONE_THREAD).restorer("a")
        assert "damaged" in run("models", "list").stdout
    run("models", "remove", "a")
    with pytest.raises(UnknownModel):
        default_session(ONE_THREAD).restorer("a")


def test_a_file_without_its_record_is_no_model(network, model_store):
    model_store.mkdir()
    (model_store / "a.onnx").write_bytes(b"the rest of something interrupted")
    assert "a" not in catalogue.model_names()
    run("models", "add", network, "--name", "a")
    assert "a" in catalogue.model_names() and catalogue.is_foreign("a")


def test_the_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("UNBLUR_MODELS")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert store.models_folder() == tmp_path / "unblur" / "models"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store.models_folder() == tmp_path / ".local" / "share" / "unblur" / "models"
    assert store.stored_names() == []


def test_files_that_are_no_networks(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "a.onnx").write_text("a")
    assert "'.txt'" in run("models", "add", tmp_path / "a.txt", expect=3).stderr
    assert "cannot load" in run("models", "add", tmp_path / "a.onnx", expect=4).stderr
    assert "cannot read" in run("models", "add", tmp_path / "b.onnx", expect=3).stderr
    assert "known: maxim" in run("models", "add", "maxime", expect=4).stderr


def test_networks_of_others_are_named_as_such(network, tmp_path):
    photo = tmp_path / "photo.png"
    Image.new("RGB", (120, 100), (90, 90, 90)).save(photo)
    result = run(photo, "--model", network, "-o", tmp_path / "x.png", expect=4)
    assert "unblur models add" in result.stderr
