"""The journal: what it says is true, whatever was killed when."""

import os
from pathlib import Path

import pytest

from unblur.errors import BadValue, CannotWrite
from unblur.io import commit, stage, sweep
from unblur.scale.journal import Journal
from unblur.scale.photo import Outcome, Task, file_stamp


@pytest.fixture
def task(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"photo")
    return Task(str(tmp_path / "a.jpg"), str(tmp_path / "out" / "a.jpg"), "5 1")


@pytest.fixture
def journal(tmp_path):
    opened = []

    def begin(settings="one"):
        if opened:
            opened.pop().close()
        opened.append(Journal(tmp_path / "j.jsonl", settings))
        return opened[-1]

    yield begin
    for one in opened:
        one.close()


def staged(task):
    path = stage(b"result", Path(task.target))
    return Outcome({"path": task.source, "n": 1.5}, staged=str(path), result=file_stamp(path))


def present(task):
    return file_stamp(Path(task.target)) if Path(task.target).exists() else None


def done(journal, task):
    outcome = staged(task)
    journal.record(task, outcome)
    commit(Path(outcome.staged), Path(task.target))
    return outcome


def test_a_finished_photo_is_known_again_with_its_row(journal, task):
    done(journal(), task)
    again = journal()
    assert again.finished(task, present(task))
    assert again.row(task) == {"path": task.source, "n": 1.5}


def test_other_settings_another_photo_or_another_result_are_not_finished(journal, task):
    done(journal(), task)
    assert not journal("two").finished(task, present(task))
    changed = Task(task.source, task.target, "5 2")
    again = journal()
    assert not again.finished(changed, present(task))
    assert again.made(changed, present(task))  # ours: it may be replaced
    Path(task.target).write_bytes(b"somebody's work")
    assert not again.finished(task, present(task))
    assert not again.made(task, present(task))
    Path(task.target).unlink()
    assert not again.finished(task, None)


def test_killed_before_the_line_it_was_never_done_and_is_swept(journal, task, tmp_path):
    journal()
    staged(task)
    assert not journal().finished(task, None)
    assert sweep([Path(task.target)]) == 1
    assert os.listdir(tmp_path / "out") == []


def test_killed_before_the_name_it_is_given_without_doing_it_again(journal, task, tmp_path):
    journal().record(task, staged(task))
    assert journal().finished(task, None)
    assert Path(task.target).read_bytes() == b"result"
    assert os.listdir(tmp_path / "out") == ["a.jpg"]


def test_killed_before_the_name_of_a_second_result_the_first_is_replaced(journal, task):
    done(journal(), task)
    path = stage(b"second result", Path(task.target))
    journal("two").record(task, Outcome({}, staged=str(path), result=file_stamp(path)))
    assert journal("two").finished(task, present(task))
    assert Path(task.target).read_bytes() == b"second result"


def test_a_staged_file_of_another_photo_that_lies_there_is_never_replaced(journal, task):
    journal().record(task, staged(task))
    Path(task.target).write_bytes(b"somebody's work")
    assert not journal().finished(task, present(task))
    assert Path(task.target).read_bytes() == b"somebody's work"


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_line_cut_short_is_as_if_it_was_not_written(journal, task, tmp_path, cut):
    done(journal(), task)
    other = Task(task.source, str(tmp_path / "out" / "b.jpg"), task.stamp)
    done(journal(), other)
    data = (tmp_path / "j.jsonl").read_bytes()
    (tmp_path / "j.jsonl").write_bytes(data[:-cut])
    again = journal()
    assert again.finished(task, present(task)) and not again.finished(other, present(other))
    Path(other.target).unlink()
    done(again, other)
    again = journal()
    assert again.finished(task, present(task)) and again.finished(other, present(other))


def test_a_line_spoiled_by_the_disk_costs_only_its_photo(journal, task, tmp_path):
    done(journal(), task)
    with (tmp_path / "j.jsonl").open("ab") as stream:
        stream.write(bytes(30) + b"\n[]\n{}\n")
    other = Task(task.source, str(tmp_path / "out" / "b.jpg"), task.stamp)
    done(journal(), other)
    again = journal()
    assert again.finished(task, present(task)) and again.finished(other, present(other))


def test_another_file_is_not_taken_for_a_journal(tmp_path):
    for content in (b"my diary", b"\xff\xd8\xff\xe0\n", b'{"unblur_journal": 2}\n'):
        (tmp_path / "j").write_bytes(content)
        with pytest.raises(BadValue, match="not a journal"):
            Journal(tmp_path / "j", "one")
        assert (tmp_path / "j").read_bytes() == content


def test_a_journal_killed_at_its_birth_is_begun_again(tmp_path):
    (tmp_path / "j").write_bytes(b'{"unblur')
    Journal(tmp_path / "j", "one").close()
    assert (tmp_path / "j").read_bytes() == b'{"unblur_journal": 1}\n'


def test_two_runs_at_once_are_refused(tmp_path):
    pytest.importorskip("fcntl", reason="this system has no such locks")
    first = Journal(tmp_path / "j", "one")
    with pytest.raises(CannotWrite, match="another run"):
        Journal(tmp_path / "j", "one")
    first.close()
    Journal(tmp_path / "j", "one").close()


def test_only_leftovers_of_the_named_targets_are_swept(tmp_path):
    mine = stage(b"x", tmp_path / "a.jpg")
    other = stage(b"x", tmp_path / "b.jpg")
    (tmp_path / ".a.jpg.part").write_bytes(b"x")
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert sweep([tmp_path / "a.jpg", tmp_path / "none" / "c.jpg"]) == 1
    left = {other.name, ".a.jpg.part", "a.jpg"}
    assert not mine.exists() and set(os.listdir(tmp_path)) == left
