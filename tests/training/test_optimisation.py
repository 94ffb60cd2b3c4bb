import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from imageclf.config import Hyperparameters, parse
from imageclf.training import optimisation
from imageclf.training.optimisation import Criterion, Mixup, make_optimizer

KINDS = ("adamw", "adam", "sgd", "rmsprop")


def settings(**changes: str) -> Hyperparameters:
    known = {"lr": "0.1", "weight-decay": "0.01", "warmup": "2", "epochs": "10"}
    return parse(known | changes)


def rates(chosen: Hyperparameters, *epochs_done: float) -> list[float]:
    return [optimisation.learning_rate(chosen, done) for done in epochs_done]


def test_the_learning_rate_rises_to_its_highest_and_falls_to_nothing() -> None:
    start, half, highest, middle, end = rates(settings(), 0, 1, 2, 6, 10)
    assert 0 < start < 0.001
    assert half == pytest.approx(0.05)
    assert highest == pytest.approx(0.1)
    assert middle == pytest.approx(0.05)
    assert end == pytest.approx(0.0, abs=1e-12)


def test_a_constant_rate_stays_after_the_warm_up() -> None:
    assert rates(settings(schedule="constant"), 1, 2, 5, 10) == pytest.approx([0.05, 0.1, 0.1, 0.1])


@pytest.mark.parametrize("warmup", ["0", "0.0001", "0.3", "10"])
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_the_rate_is_never_above_the_one_asked_for_nor_below_nothing(
    warmup: str, schedule: str
) -> None:
    chosen = settings(warmup=warmup, schedule=schedule)
    course = rates(chosen, *(step / 100 for step in range(1051)))
    assert max(course) <= 0.1
    assert max(course) == pytest.approx(0.1, rel=0.01)
    assert min(course) >= 0


def test_every_group_gets_the_learning_rate() -> None:
    optimizer = make_optimizer(nn.Linear(2, 2), settings())
    optimisation.set_learning_rate(optimizer, 0.025)
    assert [group["lr"] for group in optimizer.param_groups] == [0.025, 0.025]


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_that_is_unfrozen_later_learns_too(kind: str) -> None:
    later = nn.Linear(2, 3)
    network = nn.Sequential(later, nn.Linear(3, 2))
    optimizer = make_optimizer(network, settings(optimizer=kind, train="gradual"))
    before = later.weight.detach().clone()
    for frozen in (True, False, False):
        later.requires_grad_(not frozen)
        optimizer.zero_grad(set_to_none=True)
        network(torch.ones(1, 2)).square().sum().backward()
        optimizer.step()
        assert torch.equal(later.weight, before) == frozen


@pytest.mark.parametrize("kind", KINDS)
def test_norms_and_biases_do_not_decay(kind: str) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    optimizer = make_optimizer(network, settings(optimizer=kind))
    decay = {
        id(weight): group["weight_decay"]
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    found = {name: decay[id(weight)] for name, weight in network.named_parameters()}
    assert found == {
        "0.weight": 0.01,
        "0.bias": 0.0,
        "1.weight": 0.0,
        "1.bias": 0.0,
        "3.weight": 0.01,
        "3.bias": 0.0,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_optimiser_learns_and_leaves_what_is_frozen(kind: str) -> None:
    torch.manual_seed(0)
    backbone, head = nn.Linear(4, 4), nn.Linear(4, 2)
    network = nn.Sequential(backbone, head)
    backbone.requires_grad_(False)
    frozen = backbone.weight.clone()
    optimizer = make_optimizer(network, settings(optimizer=kind, lr="0.01"))
    inputs, labels = torch.randn(16, 4), torch.arange(16) % 2
    losses = []
    for _ in range(20):
        loss = functional.cross_entropy(network(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert torch.equal(backbone.weight, frozen)


def test_sgd_without_momentum_is_possible() -> None:
    make_optimizer(nn.Linear(2, 2), settings(optimizer="sgd", momentum="0"))


def test_settings_that_are_still_open_are_a_fault_of_the_program() -> None:
    with pytest.raises(ValueError, match="must be resolved"):
        make_optimizer(nn.Linear(2, 2), parse({}))


def test_balanced_weights_are_inverse_to_frequency_and_one_on_the_average_image() -> None:
    counts = [10, 30, 60]
    weights_k = optimisation.balanced_weights(counts)
    assert torch.allclose(weights_k[0] / weights_k[2], torch.tensor(6.0))
    assert float((weights_k * torch.tensor(counts)).sum()) / 100 == pytest.approx(1.0)
    assert torch.equal(optimisation.balanced_weights([7, 7]), torch.ones(2))


def batch(count: int = 6, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(count, classes), torch.randint(0, classes, (count,))


@pytest.mark.parametrize("smoothing", ["0", "0.1"])
def test_the_loss_is_torchs_mean_times_the_pictures(smoothing: str) -> None:
    logits_bk, labels_b = batch()
    loss = Criterion(settings(**{"label-smoothing": smoothing}), None)(logits_bk, (), labels_b, 1.0)
    mean = functional.cross_entropy(logits_bk, labels_b, label_smoothing=float(smoothing))
    assert loss == pytest.approx(6 * float(mean))


def test_class_weights_weigh_each_picture_by_its_class() -> None:
    logits_bk, labels_b = batch()
    weights_k = torch.tensor([1.0, 2.0, 3.0, 4.0])
    loss = Criterion(settings(), weights_k)(logits_bk, (), labels_b, 1.0)
    each_b = functional.cross_entropy(logits_bk, labels_b, reduction="none")
    assert torch.allclose(loss, (each_b * weights_k[labels_b]).sum())


def test_a_mixed_picture_is_owed_to_both_of_its_labels() -> None:
    logits_bk, labels_b = batch()
    criterion = Criterion(settings(), None)
    own = criterion(logits_bk, (), labels_b, 1.0)
    neighbours = criterion(logits_bk, (), labels_b.roll(1), 1.0)
    mixed = criterion(logits_bk, (), labels_b, 0.7)
    assert torch.allclose(mixed, 0.7 * own + 0.3 * neighbours)


def test_auxiliary_heads_count_four_tenths_each() -> None:
    logits_bk, labels_b = batch()
    criterion = Criterion(settings(), None)
    alone = criterion(logits_bk, (), labels_b, 1.0)
    with_two = criterion(logits_bk, (logits_bk, logits_bk), labels_b, 1.0)
    assert torch.allclose(with_two, 1.8 * alone)


def test_the_loss_of_bf16_logits_is_computed_in_fp32() -> None:
    logits_bk, labels_b = batch()
    loss = Criterion(settings(), None)(logits_bk.bfloat16(), (), labels_b, 1.0)
    assert loss.dtype == torch.float32
    expected = functional.cross_entropy(logits_bk.bfloat16().float(), labels_b, reduction="sum")
    assert torch.equal(loss, expected)


@pytest.mark.parametrize(("alpha", "count"), [(0.0, 4), (0.4, 1)])
def test_without_mixup_or_a_neighbour_pictures_stay_as_they_are(alpha: float, count: int) -> None:
    images = torch.rand(count, 3, 2, 2)
    mixed, share = Mixup(alpha)(images)
    assert share == 1.0
    assert torch.equal(mixed, images)


def test_mixup_blends_each_picture_with_its_neighbour() -> None:
    images = torch.rand(5, 3, 2, 2)
    mixed, share = Mixup(0.4)(images)
    assert 0 <= share <= 1
    assert torch.allclose(mixed, share * images + (1 - share) * images.roll(1, 0), atol=1e-6)


def test_a_share_of_one_leaves_the_batch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def whole(_self: Any) -> torch.Tensor:
        return torch.tensor(1.0)

    monkeypatch.setattr(torch.distributions.Beta, "sample", whole)
    images = torch.rand(4, 3, 2, 2)
    mixed, share = Mixup(0.4)(images)
    assert share == 1.0
    assert torch.equal(mixed, images)


def test_the_shares_follow_the_seed() -> None:
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append([Mixup(0.4)(torch.zeros(2, 1, 1, 1))[1] for _ in range(4)])
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 4


def test_two_equal_logits_cost_the_logarithm_of_two() -> None:
    loss = Criterion(settings(), None)(torch.zeros(3, 2), (), torch.tensor([0, 1, 0]), 1.0)
    assert float(loss) == pytest.approx(3 * math.log(2))
