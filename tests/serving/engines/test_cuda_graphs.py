import pytest
import torch
from torch import Tensor

from imageclf.serving.engines.cuda_graphs import SIZES, CudaGraphs, next_size

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def mean(images_u8_bchw: Tensor) -> Tensor:
    return images_u8_bchw.float().mean((2, 3))


@pytest.mark.parametrize(
    ("batch", "size"), [(1, 1), (2, 2), (3, 4), (8, 8), (9, 16), (16, 16), (17, None)]
)
def test_a_batch_is_filled_up_to_the_next_size(batch: int, size: int | None) -> None:
    assert next_size(batch) == size


def test_a_batch_larger_than_all_graphs_runs_without_one() -> None:
    graphs = CudaGraphs(mean, torch.device("cpu"), image_size=4)
    images = torch.randint(0, 256, (max(SIZES) + 1, 3, 4, 4), dtype=torch.uint8)
    assert torch.equal(graphs(images), mean(images))


@needs_gpu
@pytest.mark.parametrize("batch", [1, 3, 16, 20])
def test_a_recorded_pass_gives_what_the_layers_give(batch: int) -> None:
    device = torch.device("cuda")
    graphs = CudaGraphs(mean, device, image_size=4)
    for seed in range(3):
        torch.manual_seed(seed)
        images = torch.randint(0, 256, (batch, 3, 4, 4), dtype=torch.uint8, device=device)
        assert torch.equal(graphs(images), mean(images))
