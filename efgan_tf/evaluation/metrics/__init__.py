"""Metrics: pure NumPy functions, one file for each kind of thing measured.

    image_quality  PSNR and SSIM, whole or by region
    artifacts      blur in the regions, ghosts of the old expression
    units          action units read off edits against those wanted
    identity       is it still the same person
    distributions  FID and KID
    responses      what a slider does, and to which units
    intervals      how sure a mean is, the people being few

What is not finite, empty or of another shape raises a ValueError that names
the argument; where a score cannot be had (a constant has no correlation) the
result is None, never NaN.
"""
