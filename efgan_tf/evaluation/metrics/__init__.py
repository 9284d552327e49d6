"""Metrics: pure NumPy functions, one file for each kind of thing measured.

    image_quality  PSNR, SSIM, blur and ghosts, whole or by region
    face_readings  action units and identity that networks read off faces
    distributions  FID and KID
    intervals      how sure a mean is, the people being few

Arrays must have the shapes that are said. What is not finite raises a
ValueError; where a score cannot be had (a constant has no correlation) the
result is None, never NaN.
"""
