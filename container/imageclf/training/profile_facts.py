"""What is said of one training process in its profile: who, on what, with which settings."""

import logging
import math
import os
from collections.abc import Mapping
from typing import Any

from imageclf.config import Hyperparameters
from imageclf.contract import Tree
from imageclf.errors import SettingsError
from imageclf.machine import cores
from imageclf.training.account import Plan
from imageclf.training.feed import Feed
from imageclf.training.processes import World

log = logging.getLogger(__name__)

PRICE_VARIABLE = "IMAGECLF_DOLLARS_AN_HOUR"


def of(
    plan: Plan, feed: Feed, world: World, tree: Tree, environment: Mapping[str, str]
) -> dict[str, Any]:
    """The facts, JSON only."""
    settings, hardware = plan.settings, plan.hardware
    return {
        "rank": world.rank,
        "local_rank": world.local_rank,
        "world_size": world.size,
        "pid": os.getpid(),
        "device": hardware.device.type,
        "gpu": hardware.device.index if hardware.is_cuda else None,
        "device_name": hardware.name,
        "cores": cores(),
        "threads": hardware.threads,
        "workers": feed.workers,
        "batch_size": own_batch(settings, world),
        "global_batch_size": settings.batch_size,
        "image_size": settings.image_size,
        "architecture": settings.architecture,
        "precision": settings.precision,
        "channels_last": bool(settings.channels_last),
        "train": settings.train,
        "epochs": settings.epochs,
        "steps_per_epoch": len(feed.global_sizes),
        "train_images": len(plan.data.train),
        "instance_type": _instance_type(tree),
        "dollars_an_hour": _price(environment),
    }


def own_batch(settings: Hyperparameters, world: World) -> int:
    """Pictures of a step that this process sees."""
    return math.ceil((settings.batch_size or 1) / world.size)


def _instance_type(tree: Tree) -> str:
    try:
        return str(tree.read_config("resourceconfig").get("current_instance_type") or "")
    except SettingsError:
        return ""


def _price(environment: Mapping[str, str]) -> float | None:
    """What the machine costs, as the launcher says it; None when it does not."""
    said = environment.get(PRICE_VARIABLE, "")
    if not said:
        return None
    try:
        price = float(said)
    except ValueError:
        price = math.nan
    if math.isfinite(price) and price >= 0:
        return price
    log.warning("%s is %r, which is no price; costs are not told", PRICE_VARIABLE, said[:40])
    return None
