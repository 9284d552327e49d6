"""Imports every module of the installed package, but those of extras."""

import importlib
import pkgutil

import efgan_tf

_EXTRAS = ("gradio", "apache_beam")


def main() -> None:
    """Imports them; an import that fails raises."""
    count = 0
    for module in pkgutil.walk_packages(efgan_tf.__path__, "efgan_tf."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name not in _EXTRAS:
                raise
        count += 1
    print(f"{count} modules of {efgan_tf.__path__[0]}")


if __name__ == "__main__":
    main()
