"""Write the weights of the shipped models for the pair style's own kernel, beside their packages.

Usage: ``python scripts/kernel_weights.py``, after a model was trained anew. Needs ``train``.
"""

from rm_lammps.deployment.compile import export_weights
from rm_lammps.files import MODEL_PACKAGE, MODEL_WEIGHTS, pretrained_folder, shipped_models
from rm_lammps.pretrained.source import find_model


def main() -> None:
    for name in shipped_models():
        folder = pretrained_folder() / name
        packages = [folder / level.package for level in find_model(name).levels]
        for package in packages or [folder / MODEL_PACKAGE]:
            ending = package.name.removesuffix(".nequip.zip")
            file = package.with_name(MODEL_WEIGHTS.replace("model", ending, 1))
            if export_weights(package, file):
                print(f"{file}: {file.stat().st_size / 1000:.0f} kB")
            else:
                print(f"{package}: not a model that the kernel knows")


if __name__ == "__main__":
    main()
