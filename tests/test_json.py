"""JSON that anybody may have written: damaged, endless, nested without end."""

import re
from pathlib import Path

import pytest

from unblur.batch.journal import Journal
from unblur.cli.summary import is_report
from unblur.errors import BadValue, CorruptWeights
from unblur.evaluate.comparing.cache import FileHashes
from unblur.evaluate.pairs import _read_manifest
from unblur.files import from_json
from unblur.spec import ModelSpec
from unblur.zoo import store

SRC = Path(__file__).parents[1] / "src" / "unblur"
OWN_WORDS = {
    *("evaluate/comparing/worker.py", "evaluate/comparing/worker_pool.py"),  # pipes of our own
    *("evaluate/comparing/job.py", "training/privacy.py", "training/runs.py"),  # just written
    *("web/receive.py", "web/orders.py", "files.py"),  # they look after nesting themselves
    "batch/journal.py",  # a line that was read through from_json before
}
NESTED = "[" * 100_000
HOSTILE = {"nested": NESTED, "nested objects": '{"a":' * 50_000, "endless number": "9" * 5000}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_is_one_kind_of_error(name, tmp_path, monkeypatch):
    text = HOSTILE[name]
    with pytest.raises(ValueError, match=r"nested too deeply|digits"):
        from_json(text)
    with pytest.raises(CorruptWeights):
        ModelSpec.from_json(text, where="a.onnx")
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text(text)
    with pytest.raises(BadValue, match="damaged"):
        _read_manifest(manifest)
    monkeypatch.setenv(store.VARIABLE, str(tmp_path))
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(CorruptWeights, match="remove it and add it again"):
        store.read_record("a")
    assert len(FileHashes(tmp_path / "a.json").of(manifest)) == 64
    journal = Journal(tmp_path / "journal", "x")
    journal.close()
    with (tmp_path / "journal").open("a") as stream:
        stream.write(text + "\n")
    Journal(tmp_path / "journal", "x").close()


@pytest.mark.parametrize("text", [*HOSTILE.values(), "[]", '{"data": 1}'])
def test_a_config_in_a_checkpoint_too(text):
    pytest.importorskip("torch", reason="needs PyTorch")
    from unblur.training.registry import recorded_config

    with pytest.raises(BadValue, match="config in a checkpoint"):
        recorded_config(text, where="a checkpoint")


@pytest.mark.parametrize("text", HOSTILE.values())
def test_what_merely_lies_there_is_no_report_of_ours(text, tmp_path):
    (tmp_path / "report.json").write_text(text)
    assert not is_report(tmp_path / "report.json")


def test_nobody_reads_json_in_another_way():
    read = re.compile(r"json\.loads?\(")
    found = {p.relative_to(SRC).as_posix() for p in SRC.rglob("*.py") if read.search(p.read_text())}
    assert found <= OWN_WORDS, found - OWN_WORDS
