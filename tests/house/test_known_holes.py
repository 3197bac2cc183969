"""Neither declared, locked nor installed: versions with holes that are known."""

from importlib import metadata
from pathlib import Path

import pytest
import tomllib
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
HOLES = tomllib.loads(Path(__file__).with_name("known_holes.toml").read_text("utf-8"))["hole"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCK = (ROOT / "deploy" / "requirements.lock").read_text("utf-8")


def declared():
    """Every requirement of the package and its extras."""
    extras = PROJECT["optional-dependencies"].values()
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]
    return [Requirement(text) for text in texts]


def locked():
    """(package, version) of the container."""
    lines = [line.split(";")[0].split() for line in LOCK.splitlines() if "==" in line]
    return dict(line[0].split("==") for line in lines)


def _matters(requirement, hole):
    """Whether a requirement holds for Pythons for which there is a version without the hole."""
    oldest = hole.get("since_python", "3.10")
    return requirement.marker is None or requirement.marker.evaluate(
        {"python_version": oldest, "python_full_version": f"{oldest}.0"}
    )


def installed(package):
    try:
        return Version(metadata.version(package))
    except metadata.PackageNotFoundError:
        return None


@pytest.mark.parametrize("hole", HOLES, ids=[hole["id"] for hole in HOLES])
def test_no_version_with_a_known_hole(hole):
    fixed = Version(hole["below"])
    found = installed(hole["package"])
    assert found is None or found >= fixed, f"{hole['package']} {found} is installed: {hole}"
    requirements = [r for r in declared() if r.name == hole["package"] and _matters(r, hole)]
    assert requirements, f"{hole['package']} is not required any more; take it off the list"
    for requirement in requirements:
        lowest = [Version(s.version) for s in requirement.specifier if s.operator in (">=", "==")]
        assert lowest and max(lowest) >= fixed, f"'{requirement}' allows {hole}"
    version = locked().get(hole["package"])
    assert version is None or Version(version) >= fixed


def test_the_lock_holds_hashes_of_all_that_the_container_needs():
    packages = locked()
    mine = {"python_version": "3.12", "python_full_version": "3.12.0"}  # the container's
    for requirement in [Requirement(text) for text in PROJECT["dependencies"]]:
        if requirement.marker is not None and not requirement.marker.evaluate(mine):
            continue
        assert requirement.specifier.contains(packages[requirement.name])
    for extra in ("web", "heif", "raw", "tiff", "video"):
        for text in PROJECT["optional-dependencies"][extra]:
            requirement = Requirement(text)
            assert requirement.specifier.contains(packages[requirement.name]), text
    blocks = LOCK.split("==")[1:]
    assert len(blocks) == len(packages) and all("--hash=sha256:" in block for block in blocks)
    container = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    assert "--require-hashes" in container and "--no-deps" in container


def test_the_policy_names_the_list():
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    for name in ("known_holes.toml", "requirements.lock", "make fuzz", "digest"):
        assert name in text
