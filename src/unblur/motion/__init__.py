"""What moved: motion features, PSF estimates, and the field of them over a photo."""
