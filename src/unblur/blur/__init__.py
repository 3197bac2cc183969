"""How blur comes to be: PSFs, camera paths, image formation, realistic synthesis."""

from unblur.blur.camera import Camera, CameraRecipe
from unblur.blur.formation import adjoint_psf, apply_psf, apply_psf_grid, move_object
from unblur.blur.kinds import BlurKind
from unblur.blur.psf import Psf
from unblur.blur.recipe import SynthesisRecipe
from unblur.blur.synthesis import Pair, Synthesiser

__all__ = [
    "BlurKind",
    "Camera",
    "CameraRecipe",
    "Pair",
    "Psf",
    "SynthesisRecipe",
    "Synthesiser",
    "adjoint_psf",
    "apply_psf",
    "apply_psf_grid",
    "move_object",
]
