"""Which photos are meant, and where each result goes."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unblur.errors import BadValue, UnreadableImage, UnsupportedImage, WouldOverwrite
from unblur.io import InputFile, check_free, find_images, plan_outputs


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_folders_are_walked_in_order_without_hidden_files_and_results(tmp_path):
    touch(
        tmp_path,
        "b.JPG",
        "a.png",
        "sub/c.tif",
        ".hidden/d.png",
        ".e.png",
        "f.txt",
        "a.unblurred.png",
        "sub/deep/g.heic",
        "h.dng",
    )
    found = [item.relative.as_posix() for item in find_images([tmp_path])]
    assert found == ["a.png", "b.JPG", "h.dng", "sub/c.tif", "sub/deep/g.heic"]


def test_named_files_are_always_taken_and_only_once(tmp_path):
    touch(tmp_path, "odd.name", "a.png")
    found = find_images([tmp_path / "odd.name", tmp_path / "a.png", tmp_path])
    assert [item.path.name for item in found] == ["odd.name", "a.png"]


def test_patterns(tmp_path):
    touch(tmp_path, "x/1.png", "x/2.png", "y/3.png")
    assert len(find_images([tmp_path / "*" / "*.png"])) == 3
    with pytest.raises(UnreadableImage, match="does not exist"):
        find_images([tmp_path / "*.jpg"])


def test_loops_of_links_end(tmp_path):
    touch(tmp_path, "a/1.png")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a", target_is_directory=True)
    assert len(find_images([tmp_path])) == 1


def test_without_output_the_result_lies_beside(tmp_path):
    items = [InputFile(tmp_path / n, Path(n)) for n in ("a.jpg", "b.heic", "c.CR2", "d.gif")]
    names = [target.name for _, target in plan_outputs(items, None)]
    assert names == ["a.unblurred.jpg", "b.unblurred.jpg", "c.unblurred.tif", "d.unblurred.png"]


def test_a_folder_keeps_the_tree_and_a_file_is_that_file(tmp_path):
    touch(tmp_path, "in/a.png", "in/sub/a.png")
    plan = plan_outputs(find_images([tmp_path / "in"]), tmp_path / "out")
    assert [t.relative_to(tmp_path).as_posix() for _, t in plan] == ["out/a.png", "out/sub/a.png"]
    one = find_images([tmp_path / "in" / "a.png"])
    assert plan_outputs(one, tmp_path / "x.tif")[0][1] == tmp_path / "x.tif"
    assert plan_outputs(one, tmp_path / "dir")[0][1] == tmp_path / "dir" / "a.png"
    assert plan_outputs(one, None, extension="tif")[0][1].name == "a.unblurred.tif"


def test_collisions_are_errors_that_name_both(tmp_path):
    touch(tmp_path, "x/a.png", "y/a.png", "x/a.jpg")
    both = find_images([tmp_path / "x" / "a.png", tmp_path / "y" / "a.png"])
    with pytest.raises(WouldOverwrite, match=r"x/a\.png and .*y/a\.png"):
        plan_outputs(both, tmp_path / "out")
    with pytest.raises(WouldOverwrite, match="both"):
        plan_outputs(find_images([tmp_path / "x"]), tmp_path / "out", extension="png")
    with pytest.raises(WouldOverwrite, match="would replace"):
        plan_outputs(find_images([tmp_path / "x"]), tmp_path / "x")
    with pytest.raises(WouldOverwrite, match="would replace"):
        plan_outputs(both[:1], tmp_path / "x" / "a.png")
    with pytest.raises(BadValue, match="name a folder"):
        plan_outputs(both, tmp_path / "one.png")


def test_unknown_output_types_are_refused_before_any_work(tmp_path):
    item = [InputFile(tmp_path / "a.png", Path("a.png"))]
    with pytest.raises(UnsupportedImage):
        plan_outputs(item, tmp_path / "a.heic")
    with pytest.raises(UnsupportedImage):
        plan_outputs(item, None, extension="xyz")


def test_existing_results_are_found_before_any_work(tmp_path):
    touch(tmp_path, "a.png", "a.unblurred.png")
    plan = plan_outputs(find_images([tmp_path]), None)
    with pytest.raises(WouldOverwrite, match="exists already"):
        check_free(plan, overwrite=False)
    check_free(plan, overwrite=True)


@given(st.lists(st.text("abc/", min_size=1, max_size=6).filter(lambda t: t.strip("/")), max_size=8))
def test_no_two_photos_ever_share_a_result(names):
    paths = dict.fromkeys(Path(f"{name.strip('/')}.png") for name in names)  # a//b is a/b
    items = [InputFile(Path("/in") / p, p) for p in paths]
    targets = [target for _, target in plan_outputs(items, Path("/out/"))]
    assert len({str(t) for t in targets}) == len(items)


def test_only_the_top_of_a_folder_when_not_recursive(tmp_path):
    touch(tmp_path, "a.png", "sub/b.png")
    assert [i.path.name for i in find_images([tmp_path], recursive=False)] == ["a.png"]


def test_another_suffix_for_results(tmp_path):
    items = [InputFile(tmp_path / "a.hif", Path("a.hif"))]
    assert plan_outputs(items, None, suffix="-sharp")[0][1] == tmp_path / "a-sharp.jpg"


def test_the_one_photo_of_a_folder_may_go_to_a_file(tmp_path):
    touch(tmp_path, "in/sub/a.png")
    plan = plan_outputs(find_images([tmp_path / "in"]), tmp_path / "x.png")
    assert plan[0][1] == tmp_path / "x.png"


@pytest.mark.parametrize("name", ["a" * 5000, "**b/*.png", "a\0b"])
def test_impossible_paths_and_patterns(tmp_path, name):
    with pytest.raises(UnreadableImage):
        find_images([tmp_path / name])


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything")
def test_forbidden_folders_are_named(tmp_path):
    touch(tmp_path, "locked/a.png")
    (tmp_path / "locked").chmod(0)
    with pytest.raises(UnreadableImage, match="locked"):
        find_images([tmp_path])
    (tmp_path / "locked").chmod(0o700)
