"""Chapter 2: a moving camera adds up shifted pictures; that is a convolution."""

from __future__ import annotations

import numpy as np
from common import HOOK, arguments, kernel, say, sharp_light, sheet, shown
from scipy import fft

from unblur.blur import Psf, apply_psf
from unblur.blur.formation import apply_psf_grid, move_object
from unblur.blur.trajectory import tremor

LENGTH_PX = 16
ROLL_DEG = 1.5


def main() -> None:
    """Print the figures of the chapter and draw its picture."""
    out = arguments().folder
    psf = Psf.from_points(HOOK).centred()
    say("length of the hook in px, its direction in degrees", psf.length_px(), psf.angle_deg())

    star = np.zeros((33, 33, 1), np.float32)
    star[16, 16] = 1
    drawn = apply_psf(star, psf, border="zero")[..., 0]
    say(
        "largest difference of a blurred star and the PSF",
        f"{abs(drawn - psf.embedded(33)).max():.0e}",
    )

    light = sharp_light("colosseum")
    blurry = apply_psf(light, psf, border="wrap")
    product = psf.otf((320, 320)) * fft.rfft2(light[..., 0])
    apart = np.abs(fft.irfft2(product, s=(320, 320)) - blurry[..., 0]).max()
    say("sum over shifts and product of spectra agree to 1e-5", str(bool(apart < 1e-5)))

    line = Psf.from_line(LENGTH_PX, 0)
    row = np.abs(line.otf((320, 320))[0])
    say(
        "|K| of a line of 16 px at 1/32, 1/16 and 3/32 cycles per px",
        *(row[i] for i in (10, 20, 30)),
    )

    corner = np.deg2rad(0.2) * 2000
    say("shift by a roll of 0.2 degrees, 2000 px from the axis, in px", float(corner))

    shake = Psf.from_points(tremor(np.random.default_rng(3)) * 18).centred()
    roll = apply_psf_grid(light, rolled(light.shape[:2]))
    mask = np.zeros(light.shape[:2], np.float32)
    mask[110:230, 90:210] = 1
    moved = move_object(
        light, mask, object_psf=Psf.from_line(LENGTH_PX, 30), background_psf=Psf.delta()
    )
    sheet(
        [
            [
                ("the hook", kernel(psf)),
                ("a hand's tremor", kernel(shake)),
                ("a line of 16 px", kernel(line)),
            ],
            [("hook", shown(blurry)), ("camera roll", shown(roll)), ("a part moved", shown(moved))],
        ],
        out / "motion.jpg",
    )


def rolled(shape: tuple[int, int], nodes: int = 9) -> list[list[Psf]]:
    """Return the PSFs of a camera that rolls about its axis by ROLL_DEG in all."""
    turns = np.deg2rad(np.linspace(-ROLL_DEG / 2, ROLL_DEG / 2, 64))
    ys, xs = (np.linspace(-side / 2, side / 2, nodes) for side in shape)
    return [[Psf.from_points(np.stack([-turns * y, turns * x], 1)) for x in 3 * xs] for y in 3 * ys]


if __name__ == "__main__":
    main()
