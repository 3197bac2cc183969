"""Chapter 6: the motion is unknown. Quotients, a search, least squares, networks."""

from __future__ import annotations

import numpy as np
from common import HOOK, arguments, as_grey, kernel, say, shaken, sharp_light, sheet, shown

import unblur
from unblur.blur import Psf
from unblur.color import linear_to_srgb, quantise
from unblur.evaluate.metrics import kernel_similarity
from unblur.motion.candidates import searched_psf
from unblur.motion.coarse_to_fine import estimate_psf_map
from unblur.motion.guided import explanation_energy
from unblur.motion.kernel import estimate_psfs
from unblur.motion.psf_tools import clean_psf
from unblur.motion.spatial import quotient_maps
from unblur.zoo.catalogue import KERNEL_NET, weights_path

NOISE = 0.004


def main() -> None:
    """Print how near each estimate is to the truth, and draw them."""
    out = arguments().folder
    true = Psf.from_points(HOOK).centred()
    blurry, _ = shaken(sharp_light("colosseum", 400), true, NOISE)
    grey = as_grey(blurry)
    session = unblur.Session()
    engine = session.network(weights_path(KERNEL_NET), "kernel")
    middle = np.ascontiguousarray(grey[60:316, 60:316])
    found = {
        "quotient, 6 % of the edges": clean_psf(
            np.maximum(quotient_maps(middle)["quotient_1_6"], 0)
        ),
        "KernelNet, first estimate": estimate_psfs([middle], engine)[0].psf,
        "search, coarse to fine": estimate_psf_map(grey),
        "search and least squares": searched_psf(grey),
    }
    photo = quantise(linear_to_srgb(blurry), np.dtype(np.uint8))
    field = unblur.analyse(photo, session=session)
    found["all together, candidates judged"] = field.windows[0][0].psf
    for name, psf in found.items():
        say(f"{name}: similarity", kernel_similarity(psf, true), about=True)
    energies = {
        "the true PSF": true,
        "no blur at all": Psf.delta(),
        "the mirrored PSF": Psf(true.array[::-1, ::-1]),
    }
    least = explanation_energy(middle, true.embedded(64))
    for name, psf in energies.items():
        say(f"energy of {name}", explanation_energy(middle, psf.embedded(64)) / least, about=True)
    cells = [("the photo", shown(grey)), ("true PSF", kernel(true))]
    cells += [(name.split(",")[0], kernel(psf)) for name, psf in found.items()]
    sheet([cells[:4], cells[4:]], out / "estimation.jpg")


if __name__ == "__main__":
    main()
