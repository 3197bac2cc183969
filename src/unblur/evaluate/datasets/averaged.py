"""Sets blurred by averaging the frames of fast cameras, or filmed twice: GoPro to DVD."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from unblur.errors import BadValue
from unblur.evaluate.cases import paired
from unblur.evaluate.datasets.base import About, Expected, Found, Reader
from unblur.evaluate.datasets.sequences import Clip, clips_with, frames_of, part_of
from unblur.evaluate.matching import photos_by_name

_HD = (720, 1280)

DVD_TEST = (
    "720p_240fps_2",
    "IMG_0003",
    "IMG_0021",
    "IMG_0030",
    "IMG_0031",
    "IMG_0032",
    "IMG_0033",
    "IMG_0037",
    "IMG_0039",
    "IMG_0049",
)
"""The ten videos of DVD that are scored."""


def _find_gopro(folder: Path, *, blurry: str) -> Found | None:
    root, part = part_of(folder, ("test", "train"))
    clips = [clip for clip in clips_with(root, blurry, "sharp") if clip.name.startswith("GOPR")]
    if not clips:
        return None
    notes = ("there is no test/: these are the photos that are trained on",)
    return Found(frames_of(clips), notes if part == "train" else ())


def _find_hide(folder: Path) -> Found | None:
    parts = [folder / "test" / name for name in ("test-close-ups", "test-long-shot")]
    sharp = folder / "GT"
    if not (sharp.is_dir() and any(part.is_dir() for part in parts)):
        return None
    truth = photos_by_name(sharp)
    cases, lonely = [], []
    for part in (part for part in parts if part.is_dir()):
        for name, path in photos_by_name(part).items():
            if name in truth:
                facts = {"kind": part.name.removeprefix("test-")}
                cases.append(paired(name, path, truth[name], facts=facts))
            else:
                lonely.append(name)
    if lonely:
        raise BadValue(f"{len(lonely)} photos of {folder}/test are not in GT/, as '{lonely[0]}'")
    missing = [part.name for part in parts if not part.is_dir()]
    return Found(tuple(cases), tuple(f"test/{name} is missing" for name in missing))


def _find_reds(folder: Path, *, blurry: str) -> Found | None:
    for root in (folder / "val", folder):
        sides = root / blurry, root / "val_sharp"
        if all(side.is_dir() for side in sides):
            names = sorted(clip.name for clip in sides[0].iterdir() if clip.is_dir())
            return Found(frames_of(Clip(name, sides[0] / name, sides[1] / name) for name in names))
    return None


def _find_bsd(folder: Path) -> Found | None:
    roots = sorted(folder.glob("BSD_*ms*ms")) or [folder]
    clips, notes = [], []
    for root in roots:
        at, part = part_of(root, ("test", "valid", "train"))
        prefix = f"{root.name}/" if root is not folder else ""
        clips += [
            clip._replace(name=f"{prefix}{clip.name}")
            for clip in clips_with(at, "Blur/RGB", "Sharp/RGB")
        ]
        if part not in ("test", ""):
            notes.append(f"{root.name} has no test/: {part}/ was read")
    return Found(frames_of(clips), tuple(notes)) if clips else None


def _find_dvd(folder: Path) -> Found | None:
    root, _ = part_of(folder, ("quantitative_datasets",))
    clips = clips_with(root, "input", "GT")
    if not clips:
        return None
    chosen = [clip for clip in clips if clip.name in DVD_TEST]
    notes: tuple[str, ...] = ()
    if not chosen:
        chosen, notes = clips, ("none of the ten videos that are scored is here: all were read",)
    elif len(chosen) < len(DVD_TEST):
        absent = sorted(set(DVD_TEST) - {clip.name for clip in chosen})
        notes = (f"of the ten videos that are scored, {', '.join(absent)} are missing",)
    return Found(frames_of(chosen), notes)


def _gopro(name: str, blurry: str, what: str) -> Reader:
    return Reader(
        name=name,
        about=About(
            title=f"GoPro, {what}",
            paper=(
                "Nah, Kim, Lee, Deep multi-scale convolutional neural network for dynamic scene "
                "deblurring, CVPR 2017, arXiv:1612.02177"
            ),
            home="https://seungjunnah.github.io/Datasets/gopro",
            licence="CC BY 4.0",
            layout=f"test/GOPR*/{blurry}/*.png and test/GOPR*/sharp/*.png",
            expected=Expected(counts=(1111, 2103), size=_HD, sharp_count=(1, 1)),
        ),
        protocol="plain",
        read=partial(_find_gopro, blurry=blurry),
        flat=name == "gopro",
    )


def _reds(name: str, blurry: str, what: str) -> Reader:
    return Reader(
        name=name,
        about=About(
            title=f"REDS, {what}",
            paper=(
                "Nah et al., NTIRE 2019 challenge on video deblurring and super-resolution: "
                "dataset and study, CVPRW 2019"
            ),
            home="https://seungjunnah.github.io/Datasets/reds",
            licence="CC BY 4.0",
            layout=f"val/{blurry}/000/*.png and val/val_sharp/000/*.png",
            expected=Expected(counts=(3000, 300), size=_HD, sharp_count=(1, 1)),
        ),
        protocol="plain",
        read=partial(_find_reds, blurry=blurry),
        flat=name == "reds",
    )


READERS = (
    _gopro("gopro", "blur", "averaged as stored (the version that nearly all papers score)"),
    _gopro("gopro-gamma", "blur_gamma", "averaged after gamma 2.2 (its authors' own version)"),
    Reader(
        name="hide",
        about=About(
            title="HIDE",
            paper="Shen et al., Human-aware motion deblurring, ICCV 2019",
            home="https://github.com/joanshen0508/HA_deblur",
            licence="not stated",
            layout="test/test-close-ups/*.png, test/test-long-shot/*.png and GT/*.png",
            expected=Expected(counts=(2025,), size=_HD, sharp_count=(1, 1)),
        ),
        protocol="plain",
        read=_find_hide,
        flat=True,
    ),
    _reds("reds", "val_blur", "motion blur"),
    _reds("reds-jpeg", "val_blur_jpeg", "motion blur and JPEG"),
    Reader(
        name="bsd",
        about=About(
            title="BSD (beam splitter)",
            paper=(
                "Zhong et al., Real-world video deblurring: a benchmark dataset and an efficient "
                "recurrent neural network, IJCV 2023, arXiv:2106.16028"
            ),
            home="https://github.com/zzh-tech/ESTRNN",
            licence="not stated",
            layout="BSD_2ms16ms/test/000/Blur/RGB/*.png and …/Sharp/RGB/*.png",
            expected=Expected(counts=(3000, 9000), size=(480, 640), sharp_count=(1, 1)),
        ),
        protocol="plain",
        read=_find_bsd,
    ),
    Reader(
        name="dvd",
        about=About(
            title="DVD (deep video deblurring)",
            paper="Su et al., Deep video deblurring for hand-held cameras, CVPR 2017",
            home="https://github.com/shuochsu/DeepVideoDeblurring",
            licence="not stated",
            layout="quantitative_datasets/NAME/input/*.jpg and …/GT/*.jpg",
            expected=Expected(size=_HD, sharp_count=(1, 1)),
        ),
        # Its authors scored it with the code of the Köhler benchmark.
        protocol="koehler-single",
        read=_find_dvd,
    ),
)
