"""The commands that the documents tell people to type."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

_PROGRAMS = (
    "python", "python3", "pip", "efgan", "pytest", "ruff", "tensorboard",
    "git", "docker", "curl", "kubectl", "npm", "npx", "node", "bash", "sh",
    "openssl", "export", "cd",
)  # fmt: skip


def documents() -> list[Path]:
    """Every page for people, the README first."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for pattern in (
        "docs/*.md", "serving/**/README.md", "efgan_tf/presets/*.md",
        "tools/**/README.md",
    ):  # fmt: skip
        pages += sorted(ROOT.glob(pattern))
    return [page for page in pages if "node_modules" not in page.parts]


def commands(page: Path) -> list[str]:
    """A page's commands in its order, each on one line.

    They are the lines of blocks fenced as ```sh, and indented lines that begin
    with a program.
    """
    found = []
    in_fence = is_shell = False
    text = re.sub(r"\\\n\s*", "", page.read_text("utf-8"))
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            in_fence = not in_fence
            is_shell = in_fence and line.strip("` \t") in ("sh", "bash")
            continue
        command = line.strip()
        indented = line.startswith("    ") and not in_fence
        program = command.split(" ")[0]
        starts = program in _PROGRAMS or program.endswith(".sh")
        if command and not command.startswith("#"):
            if is_shell or (indented and starts):
                found.append(re.sub(r"\s{2,}", " ", command))
    return found
