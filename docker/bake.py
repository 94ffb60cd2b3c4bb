"""Fetch torchvision's ImageNet weights of the named architectures into TORCH_HOME.

Run while the image is built: `python bake.py resnet50 inception_v3`. torchvision's loader names
the files and checks their hashes.
"""

import os
import sys
from pathlib import Path

CA_FILE = Path("/run/secrets/ca")


def fetch(name: str) -> None:
    """Download the default weights of `name`; ends the program with a sentence on failure."""
    from imageclf.vision import torchvision  # noqa: PLC0415  (nothing to fetch, nothing to load)

    try:
        weights = torchvision.models.get_model_weights(name).DEFAULT
    except ValueError:
        sys.exit(f"PRETRAINED names {name}, which is no torchvision architecture; correct it.")
    try:
        weights.get_state_dict(check_hash=True)
    except (OSError, RuntimeError) as error:
        sys.exit(
            f"The weights of {name} could not be had from {weights.url} ({error}); let the build "
            f"reach that address, or leave {name} out of PRETRAINED."
        )


if __name__ == "__main__":
    if CA_FILE.exists():
        os.environ["SSL_CERT_FILE"] = str(CA_FILE)
    for architecture in sys.argv[1:]:
        fetch(architecture)
