"""torchvision, also beside a torch it was not built for.

torchvision's wheel is built against one build of torch. Beside another (a CPU-only torch) its C++
operators are missing and the import ends in ``operator torchvision::nms does not exist``. The
networks and transforms of classification need none of them: declaring the two operators that the
import looks up is enough. On a matched pair, as in the real image, nothing happens here.

Import torchvision from here, everywhere::

    from imageclf.vision import torchvision
"""

import importlib
import sys
from types import ModuleType

from imageclf import startup

with startup.imports():
    import torch

_DECLARED: list[torch.library.Library] = []  # an operator lives as long as its library


def _import_torchvision() -> ModuleType:
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define(
        "qnms(Tensor dets, Tensor scores, Tensor dets_scales, Tensor scores_scales,"
        " float iou_threshold) -> Tensor"
    )
    _DECLARED.append(library)
    return importlib.import_module("torchvision")


with startup.imports():
    torchvision = _import_torchvision()
