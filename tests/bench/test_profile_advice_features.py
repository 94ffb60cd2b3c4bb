"""What the bench of cached features gives to the head is what came to it before."""

import torch

from bench.profile.advice_features import KeptFeatures
from imageclf.artifact import NetworkSpec
from imageclf.data.loading import Batch
from imageclf.model import architecture

SIDE, COUNT = 32, 6


def test_the_head_makes_of_kept_features_what_the_network_makes_of_pictures() -> None:
    torch.manual_seed(0)
    spec = NetworkSpec(architecture="resnet18", classes=3, image_size=SIDE)
    network = architecture.build(spec).eval()
    images_n = torch.randn(COUNT, 3, SIDE, SIDE)
    labels_n = torch.arange(COUNT) % 3
    kept = KeptFeatures(network, architecture.head_name("resnet18"))
    first, then = [[4, 1, 0], [2, 5, 3]], [[0, 1, 2, 3], [4, 5]]
    batches = [Batch(images_n[one], labels_n[one], torch.tensor(one)) for one in first]
    found = []
    with torch.no_grad():
        for batch in kept.keep(batches, COUNT):
            network(batch.images_u8_bchw)
        for batch in kept.give(then, labels_n):
            assert batch.images_u8_bchw.ndim == 2
            assert batch.labels_b.tolist() == labels_n[batch.indices_b].tolist()
            found.append(network(batch.images_u8_bchw))
        whole_nk = network(images_n)  # which takes pictures again
    torch.testing.assert_close(torch.cat(found), whole_nk, rtol=1e-4, atol=1e-5)
