#!/usr/bin/env bash
# Under each Python: the wheel installs, every module imports, the bundled
# model edits a photo. Needs pyenv, or pythonX.Y on the PATH.
#
#     tools/release/pythons.sh 3.10 3.11 3.12 3.13
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/build"
"$work/build/bin/pip" install --quiet build
git archive --format=tar --prefix=source/ HEAD | tar -x -C "$work"
"$work/build/bin/python" -m build --outdir="$work/dist" "$work/source" >/dev/null
for version in "$@"; do
    python=$(command -v "python$version" || true)
    if command -v pyenv >/dev/null; then
        python=$(PYENV_VERSION=$(pyenv latest "$version") pyenv which python)
    fi
    venv="$work/$version"
    "$python" -m venv "$venv"
    # The pip that Python 3.10 brings tries versions for many minutes.
    "$venv/bin/pip" install --quiet --upgrade pip
    "$venv/bin/pip" install --quiet "$work"/dist/*.whl
    (
        cd "$work"
        export TF_CPP_MIN_LOG_LEVEL=2
        "$venv/bin/python" source/tools/release/import_all.py
        "$venv/bin/efgan" synthesize --out="photos$version" --subjects=1 \
            --images_per_subject=1 --size=512 2>/dev/null
        "$venv/bin/efgan" edit --image="$(ls photos"$version"/photos/*.jpg)" \
            --expression=happy --out="happy$version.png" >/dev/null
        "$venv/bin/python" -c "import sys, tensorflow, keras, numpy; print(
            'ok: Python', sys.version.split()[0], 'TensorFlow',
            tensorflow.__version__, 'Keras', keras.__version__, 'NumPy',
            numpy.__version__)"
    )
    rm -rf "$venv"
done
