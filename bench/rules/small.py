"""Small networks of the kinds that are fine-tuned: residual, plain and smooth ones.

Each has blocks of its own and a head `fc`, like torchvision's residual networks.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping

from torch import Tensor, nn

_WIDTHS = (16, 32, 64)


class Residual(nn.Module):
    """Two convolutions with batch norm and ReLU beside a short cut; halves the picture."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut = nn.Conv2d(before, after, 1, stride=2, bias=False)
        self.relu1 = nn.ReLU(inplace=True)
        self.relu2 = nn.ReLU(inplace=True)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C', H/2, W/2]."""
        inner = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x_bchw)))))
        out: Tensor = self.relu2(inner + self.shortcut(x_bchw))
        return out


def _plain(before: int, after: int) -> nn.Module:
    conv = nn.Conv2d(before, after, 3, padding=1)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return nn.Sequential(OrderedDict(conv=conv, relu=nn.ReLU(), pool=nn.MaxPool2d(2)))


def _smooth(before: int, after: int) -> nn.Module:
    conv = nn.Conv2d(before, after, 3, stride=2, padding=1)
    return nn.Sequential(OrderedDict(conv=conv, norm=nn.GroupNorm(4, after), act=nn.GELU()))


def _network(block: Callable[[int, int], nn.Module], classes: int) -> nn.Module:
    blocks = {
        f"layer{number}": block(before, after)
        for number, (before, after) in enumerate(zip((3, *_WIDTHS), _WIDTHS, strict=False), 1)
    }
    head = {"pool": nn.AdaptiveAvgPool2d(2), "flat": nn.Flatten()}
    fc = nn.Linear(4 * _WIDTHS[-1], classes)
    return nn.Sequential(OrderedDict([*blocks.items(), *head.items(), ("fc", fc)]))


KINDS: Mapping[str, Callable[[int], nn.Module]] = {
    "residual": lambda classes: _network(Residual, classes),
    "plain": lambda classes: _network(_plain, classes),
    "smooth": lambda classes: _network(_smooth, classes),
}
"""`residual` has batch norm and ReLUs, `plain` ReLUs without norm, `smooth` neither."""
