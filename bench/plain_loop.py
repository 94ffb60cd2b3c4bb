"""The peer: a training loop as torchvision's tutorials write it.

ImageFolder, DataLoader, random crops, fp32, contiguous tensors; with `--amp` also autocast and
channels_last. Prints one JSON object an epoch.
"""

import argparse
import json
import time

import psutil
import torch
from torch import nn
from torch.utils.data import DataLoader

from imageclf.vision import torchvision

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def main() -> None:
    """Train and print."""
    options = _options()
    torch.manual_seed(0)
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    torch.backends.cudnn.benchmark = cuda
    train, valid = _loaders(options, cuda)
    classes = len(train.dataset.classes)  # type: ignore[attr-defined]
    model = torchvision.models.get_model(options.architecture, num_classes=classes).to(device)
    if options.amp:
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=options.lr, momentum=0.9, weight_decay=1e-4, nesterov=True
    )
    for epoch in range(options.epochs):
        figures = _epoch(model, train, optimizer, device, options.amp)
        figures |= {"epoch": epoch + 1, "validation:loss": _loss(model, valid, device, options.amp)}
        print(json.dumps(figures), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--architecture", default="resnet50")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--amp", action="store_true")
    return parser.parse_args()


def _loaders(options: argparse.Namespace, cuda: bool) -> tuple[DataLoader, DataLoader]:  # type: ignore[type-arg]
    transforms = torchvision.transforms
    size = options.image_size
    tail = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    crop = transforms.RandomResizedCrop(size, scale=(0.35, 1.0))
    augment = transforms.Compose([crop, transforms.RandomHorizontalFlip(), *tail])
    centre = [transforms.Resize(size * 8 // 7), transforms.CenterCrop(size)]
    folder = torchvision.datasets.ImageFolder
    common = {
        "batch_size": options.batch_size, "num_workers": options.workers, "pin_memory": cuda,
    }  # fmt: skip
    train = DataLoader(folder(f"{options.data}/train", augment), shuffle=True, **common)
    valid = folder(f"{options.data}/val", transforms.Compose([*centre, *tail]))
    return train, DataLoader(valid, **common)


def _epoch(
    model: nn.Module,
    loader: DataLoader,  # type: ignore[type-arg]
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    amp: bool,
) -> dict[str, float]:
    model.train()
    began, total, images, first_step_s = time.monotonic(), 0.0, 0, None
    for batch, labels in loader:
        inputs, targets = _placed(batch, device, amp), labels.to(device, non_blocking=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=amp):
            loss = nn.functional.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        images += len(labels)
        first_step_s = first_step_s or time.time() - psutil.Process().create_time()
    seconds = time.monotonic() - began
    assert first_step_s is not None
    return {
        "train:loss": total / images,
        "train:images_per_s": images / seconds,
        "first_step_s": first_step_s,
    }


@torch.inference_mode()
def _loss(
    model: nn.Module,
    loader: DataLoader,  # type: ignore[type-arg]
    device: torch.device,
    amp: bool,
) -> float:
    model.eval()
    total, images = 0.0, 0
    for batch, labels in loader:
        with torch.autocast(device.type, torch.bfloat16, enabled=amp):
            logits = model(_placed(batch, device, amp))
        total += nn.functional.cross_entropy(
            logits.float(), labels.to(device), reduction="sum"
        ).item()
        images += len(labels)
    return total / images


def _placed(batch: torch.Tensor, device: torch.device, amp: bool) -> torch.Tensor:
    layout = torch.channels_last if amp else torch.contiguous_format
    return batch.to(device, non_blocking=True, memory_format=layout)


if __name__ == "__main__":
    main()
