"""The journal: what it says is true, whatever was killed when."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from unblur.batch.journal import Journal
from unblur.batch.photo import Outcome, Task, file_stamp
from unblur.errors import BadValue, CannotWrite
from unblur.io import commit, stage, sweep


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
    told = {"path": task.source, "output": task.target, "error": None, "summary": ""}
    assert again.row(task) == told | {"n": 1.5}


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


def forged(task, tmp_path, part, **parts):
    """A journal that says of another file that it were the finished result."""
    result = file_stamp(part) if part.exists() else "5 1"
    line = {"source": task.source, "stamp": task.stamp, "settings": "one", "target": task.target}
    line |= {"staged": str(part), "result": result, "row": {}} | parts
    (tmp_path / "j.jsonl").write_bytes(
        b'{"unblur_journal": 1}\n' + json.dumps(line).encode() + b"\n"
    )


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "diary").write_bytes(b"secret")
    (folder / "diary").chmod(0o600)
    (tmp_path / "out").mkdir()
    return folder / "diary"


def names_of_strangers(tmp_path):
    out = tmp_path / "out"
    return {
        "another file": tmp_path / "private" / "diary",
        "a staged name elsewhere": tmp_path / "private" / ".a.jpg.abcd1234.part",
        "by dots": out / ".." / "private" / ".a.jpg.abcd1234.part",
        "of another target": out / ".b.jpg.abcd1234.part",
        "no staged name": out / "diary",
        "too long": out / ".a.jpg.abcd12345.part",
        "below": out / "more" / ".a.jpg.abcd1234.part",
    }


@pytest.mark.parametrize("name", names_of_strangers(Path()))
def test_a_forged_journal_moves_no_file(journal, task, tmp_path, elsewhere, name):
    place = names_of_strangers(tmp_path)[name]
    place.parent.mkdir(exist_ok=True)
    if place != elsewhere:
        elsewhere.rename(place)
    forged(task, tmp_path, place)
    assert not journal().finished(task, None)
    assert place.read_bytes() == b"secret" and not Path(task.target).exists()
    assert place.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_link_is_not_taken_for_a_staged_file(journal, task, tmp_path, elsewhere, link):
    staged = tmp_path / "out" / ".a.jpg.abcd1234.part"
    link(elsewhere, staged)
    forged(task, tmp_path, staged)
    assert not journal().finished(task, None)
    assert elsewhere.read_bytes() == b"secret" and not Path(task.target).exists()
    assert elsewhere.stat().st_mode & 0o777 == 0o600


def test_a_target_elsewhere_is_nobodys(journal, task, tmp_path, elsewhere):
    staged = tmp_path / "out" / ".a.jpg.abcd1234.part"
    staged.write_bytes(b"result")
    forged(task, tmp_path, staged, target=str(elsewhere))
    assert not journal().finished(task, None)
    assert elsewhere.read_bytes() == b"secret"


def test_the_mode_of_a_replaced_result_is_kept(journal, task):
    done(journal(), task)
    Path(task.target).chmod(0o640)
    path = stage(b"second result", Path(task.target))
    journal("two").record(task, Outcome({}, staged=str(path), result=file_stamp(path)))
    assert journal("two").finished(task, present(task))
    assert Path(task.target).stat().st_mode & 0o777 == 0o640


WRONG = [None, 3, [], {}, True, "9" * 5000, "1 " + "9" * 5000, "\0"]


@pytest.mark.parametrize(
    "key", ["source", "stamp", "settings", "target", "staged", "result", "row"]
)
@pytest.mark.parametrize("value", WRONG)
def test_wrong_types_in_a_line_are_as_if_it_was_not_written(journal, task, tmp_path, key, value):
    outcome = staged(task)
    forged(task, tmp_path, Path(outcome.staged), **{key: value})
    again = journal()
    finished = again.finished(task, None)
    assert finished == (key == "row" and value == {})
    if finished:
        assert again.row(task)["path"] == task.source


@seed(9)
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["source", "row", "target", "x"]), inner, max_size=4
                )
            ),
            max_leaves=10,
        ),
        max_size=4,
    ),
    st.binary(max_size=30),
)
def test_any_lines_are_read(tmp_path, task, lines, tail):
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    (tmp_path / "j.jsonl").write_bytes(b'{"unblur_journal": 1}\n' + text + tail)
    found = Journal(tmp_path / "j.jsonl", "one")
    try:
        assert not found.finished(task, None)
    finally:
        found.close()


def test_a_line_nested_without_end_is_passed_over(journal, task, tmp_path):
    (tmp_path / "j.jsonl").write_bytes(b'{"unblur_journal": 1}\n' + b"[" * 200_000 + b"\n")
    assert not journal().finished(task, None)


def test_a_journal_of_one_endless_line_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "j.jsonl"
    with path.open("wb") as stream:
        stream.truncate(8 << 30)  # sparse: it takes no space
    with pytest.raises(BadValue, match="not a journal"):
        Journal(path, "one")
    monkeypatch.setattr("unblur.batch.journal._LONGEST_LINE", 1000)
    path.write_bytes(b'{"unblur_journal": 1}\n' + b"x" * 5000 + b"\n")
    with pytest.raises(BadValue, match="too long"):
        Journal(path, "one")
