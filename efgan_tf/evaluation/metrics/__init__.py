"""Metrics: pure NumPy functions, one file for each kind of thing measured.

    image_quality  PSNR, SSIM, blur and ghosts, whole or by region
    units          action units read off edits against those wanted
    identity       is it still the same person
    distributions  FID and KID
    intervals      how sure a mean is, the people being few

What is not finite, empty or of another shape raises a ValueError that names
the argument; where a score cannot be had (a constant has no correlation) the
result is None, never NaN.
"""
