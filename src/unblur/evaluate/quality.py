"""How good is a method on each photo, and at what cost?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from unblur.blur.psf import Psf
from unblur.evaluate.cases import Case
from unblur.evaluate.light import Method
from unblur.evaluate.memory import measured
from unblur.evaluate.metrics import kernel_similarity
from unblur.evaluate.protocols.base import Protocol, Scores
from unblur.evaluate.protocols.plain import PLAIN
from unblur.evaluate.samples import Samples
from unblur.motion.field import MotionField


@dataclass(frozen=True)
class Row:
    """One method on one photo.

    Attributes:
        method, name: which.
        scores: of the result, by the protocol.
        gain_db: PSNR above the blurry photo's, by the protocol; None if that has no PSNR.
        kernel_similarity: of the estimated PSF in the middle with the true one; None if either
            is unknown.
        length_px: of the true motion; None if unknown.
        kind: what blurred it; empty if unknown.
        seconds: wall time of the method.
        peak_mb: most memory that the process held meanwhile, in 10^6 bytes; None where the
            system does not tell.
        cpu_seconds: of all processors, which other programs disturb less than wall time.
    """

    method: str
    name: str
    scores: Scores
    gain_db: float | None
    kernel_similarity: float | None
    length_px: float | None
    kind: str
    seconds: float
    peak_mb: float | None = None
    cpu_seconds: float | None = None


def evaluate(
    cases: Sequence[Case],
    methods: dict[str, Method],
    *,
    protocol: Protocol = PLAIN,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Run every method on every photo.

    Args:
        cases: the photos.
        methods: by name; see :func:`unblur.evaluate.methods.method_of`.
        protocol: how the results are scored.
        progress: called with (photos done, photos in all).

    Raises:
        ShapeMismatch: a photo and its sharp picture differ in shape.
    """
    rows: list[Row] = []
    for number, case in enumerate(cases):
        blurry = case.blurry.read()
        before = protocol.score(blurry, case)
        for name, method in methods.items():
            outcome = run_method(name, method, blurry, case, before=before, protocol=protocol)
            if outcome is not None:
                rows.append(outcome[1])
        if progress is not None:
            progress(number + 1, len(cases))
    return rows


def run_method(
    name: str, method: Method, blurry: Samples, case: Case, *, before: Scores, protocol: Protocol
) -> tuple[Samples, Row] | None:
    """Run one method on one photo.

    Args:
        name, method: see :func:`unblur.evaluate.methods.method_of`.
        blurry: the case's blurry photo, read.
        case: what the result is scored against.
        before: scores of ``blurry`` by the protocol.
        protocol: how the result is scored.

    Returns:
        The restored samples and the row, or None where the method does not apply.
    """
    begun = time.process_time()
    result, seconds, peak_mb = measured(partial(method, blurry, case))
    cpu_seconds = time.process_time() - begun
    if result is None:
        return None
    restored, motion = result
    scores = before if restored is blurry else protocol.score(restored, case)
    row = Row(
        method=name,
        name=case.name,
        scores=scores,
        gain_db=_gain_db(scores, before),
        kernel_similarity=_kernel(motion, case.true_psf()),
        length_px=case.facts.get("length_px"),
        kind=str(case.facts.get("kind", "")),
        seconds=seconds,
        peak_mb=peak_mb,
        cpu_seconds=cpu_seconds,
    )
    return restored, row


def _gain_db(scores: Scores, before: Scores) -> float | None:
    if "psnr_db" not in scores:
        return None
    psnr, blurry = scores["psnr_db"], before["psnr_db"]
    return 0.0 if psnr == blurry else psnr - blurry


def _kernel(motion: MotionField | None, truth: Psf | None) -> float | None:
    if motion is None or truth is None:
        return None
    row = motion.windows[len(motion.windows) // 2]
    psf = row[len(row) // 2].psf
    return kernel_similarity(psf if motion.scale == 1 else psf.scaled(motion.scale), truth)
