"""Makes the reference of the Python interface from the docstrings.

    python docs/make_api.py --out=build/api

HTML pages by pdoc, without network; open build/api/index.html.
"""

import argparse
from pathlib import Path

import pdoc

import efgan_tf


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/api"))
    out = parser.parse_args().out
    pdoc.render.configure(docformat="google", math=True)
    pdoc.pdoc("efgan_tf", "!efgan_tf.__main__", output_directory=out)
    print(f"efgan_tf {efgan_tf.__version__}: {out / 'index.html'}")


if __name__ == "__main__":
    main()
