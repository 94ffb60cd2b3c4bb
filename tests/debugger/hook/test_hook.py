"""What our hook does beyond smdebug's: statistics, steps that the loop tells, few demands."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imageclf.debugger import statistics
from imageclf.debugger.hook.foreign import ModeKeys, ReductionConfig, SaveConfig
from imageclf.debugger.tensors.run import Run
from imageclf.errors import SettingsError, TensorsError
from tests.debugger.hook.small import STATISTICS, Net, batch, made, read, train, trained


def test_statistics_are_reductions_to_smdebugs_own_reader(tmp_path: Path) -> None:
    trial = trained(tmp_path, statistics=STATISTICS)

    weight = trial.tensor("Net_conv.weight")
    assert weight.reduction_value(0, "mean", abs=True) > 0
    assert trial.tensor("gradient/Net_conv.weight").reduction_value(2, "l2") > 0
    assert trial.tensor("relu_output_0").reduction_value(1, "activity").shape == (4,)
    assert trial.tensor("CrossEntropyLoss_output_0").value(1).shape == ()
    assert trial.collections()["relu_output"].tensor_names == {"relu_output_0", "relu_output_1"}


def test_the_rules_reader_reads_it_too(tmp_path: Path) -> None:
    trained(tmp_path, statistics=STATISTICS)

    run = Run(tmp_path)
    run.refresh()

    assert run.ended
    (weight,) = (one for one in run.steps()[1].tensors if one.name == "Net_conv.weight")
    assert weight.shape == (4, 3, 3, 3)
    assert weight.statistic("abs_mean") == read(tmp_path).tensor(weight.name).reduction_value(
        1, "mean", abs=True
    )


def test_weights_are_those_before_the_update_and_gradients_those_that_made_it(
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    network, hook = Net(), made(tmp_path, include_collections=["weights", "gradients"])
    hook.register_module(network)
    seen = []
    for _ in train(network, hook, 3):
        gradient = network.head.weight.grad
        assert gradient is not None
        seen.append((network.head.weight.detach().clone(), gradient.clone()))
    hook.close()

    trial = read(tmp_path)
    for step, (weight, gradient) in enumerate(seen):
        np.testing.assert_array_equal(trial.tensor("Net_head.weight").value(step), weight)
        np.testing.assert_array_equal(
            trial.tensor("gradient/Net_head.weight").value(step), gradient
        )


def test_inputs_and_outputs_are_seen_before_a_layer_overwrites_them(tmp_path: Path) -> None:
    wanted = {"relu_input": frozenset({"min", "raw"}), "relu_output": frozenset({"min", "raw"})}

    trial = trained(tmp_path, steps=1, statistics=wanted)

    before, after = (trial.tensor(f"relu_{side}_0") for side in ("input", "output"))
    assert before.value(0).min() < 0
    assert before.reduction_value(0, "min") == before.value(0).min()
    np.testing.assert_array_equal(after.value(0), before.value(0).clip(min=0))


def test_activations_come_from_a_few_images_and_everything_else_from_all(tmp_path: Path) -> None:
    wanted = {
        "relu_output": frozenset({"zeros", "raw"}),
        "inputs": frozenset({"channel_means", "count", "raw"}),
    }

    trial = trained(tmp_path, steps=1, statistics=wanted, sample_images=2)

    relu, images = trial.tensor("relu_output_0"), trial.tensor("Net_input_0")
    assert relu.reduction_value(0, "zeros") == np.float32((relu.value(0)[:2] == 0).mean())
    assert images.reduction_value(0, "count") == len(images.value(0)) == 6
    expected = statistics.of_values("channel_means", images.value(0))
    assert expected is not None
    np.testing.assert_allclose(images.reduction_value(0, "channel_means"), expected, atol=1e-6)


def test_reductions_come_from_the_whole_batch(tmp_path: Path) -> None:
    config = ReductionConfig(reductions=["sum"], norms=["l1"], save_raw_tensor=True)

    trial = trained(
        tmp_path, steps=1, include_regex=["relu_output"], reduction_config=config, sample_images=1
    )

    relu = trial.tensor("relu_output_0")
    assert relu.reduction_value(0, "sum") == pytest.approx(relu.value(0).sum(), rel=1e-5)
    assert relu.reduction_value(0, "l1") == pytest.approx(relu.value(0).sum(), rel=1e-5)


def test_change_is_that_since_the_last_saved_step(tmp_path: Path) -> None:
    wanted = {"weights": frozenset({"update_ratio", "unchanged", "raw"})}
    network = Net()
    network.conv.weight.requires_grad_(False)

    trial = trained(tmp_path, steps=5, network=network, interval=2, statistics=wanted)

    head, frozen = trial.tensor("Net_head.weight"), trial.tensor("Net_conv.weight")
    before, now = head.value(2), head.value(4)
    ratio = np.abs(now - before).mean() / np.abs(before).mean()
    assert head.reduction_value(4, "update_ratio") == pytest.approx(ratio, rel=1e-5)
    assert [head.reduction_value(4, "unchanged"), frozen.reduction_value(4, "unchanged")] == [0, 1]
    assert ("update_ratio", False) not in head.reduction_values(0)


def test_layers_that_are_unfrozen_later_are_taken_in(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path, statistics=STATISTICS)
    network.conv.weight.requires_grad_(False)
    hook.register_module(network)

    def unfreeze(step: int) -> None:
        network.conv.weight.requires_grad_(step == 2)

    list(train(network, hook, 3, unfreeze))
    hook.close()

    assert read(tmp_path).tensor("gradient/Net_conv.weight").steps() == [2]


def test_a_loop_may_say_itself_what_a_step_is(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path, 2, statistics=STATISTICS)
    hook.register_module(network)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    seen: list[Tensor] = []
    for step in range(4):
        assert hook.will_save() == (step % 2 == 0)
        hook.begin_step()
        optimizer.zero_grad()
        for _ in range(2):  # gradients are added up
            images_bchw, labels_b = batch()
            loss = nn.functional.cross_entropy(network(images_bchw), labels_b)
            loss.backward()
        hook.record("CrossEntropyLoss_output_0", loss, "losses")
        hook.gradients_ready()
        assert network.head.weight.grad is not None
        seen.append(network.head.weight.grad.norm())
        optimizer.step()
        hook.end_step()
    hook.close()

    trial = read(tmp_path)
    assert trial.steps() == [0, 2]
    gradient = trial.tensor("gradient/Net_head.weight")
    assert gradient.reduction_value(2, "l2") == pytest.approx(float(seen[2]), rel=1e-5)
    assert "relu_output_3" in trial.tensor_names()  # two passes, the ReLU twice in each


def test_a_validation_pass_is_one_step_whatever_it_computes(tmp_path: Path) -> None:
    wanted = {"losses": frozenset({"raw"}), "labels": frozenset({"raw"})}
    network, hook = Net(), made(tmp_path, statistics=wanted)
    hook.register_module(network)
    list(train(network, hook, 2))
    with hook.paused(), torch.inference_mode():
        for _ in range(3):
            network(batch()[0])
    hook.begin_step(ModeKeys.EVAL)
    hook.record("CrossEntropyLoss_output_0", 0.5, "losses")
    hook.record("labels", torch.arange(18) % 2, "labels")
    hook.end_step()
    hook.set_mode(ModeKeys.TRAIN)
    list(train(network, hook, 1))
    hook.close()

    trial = read(tmp_path)
    loss = trial.tensor("CrossEntropyLoss_output_0")
    assert trial.steps() == [0, 1, 2, 3]
    assert (trial.steps(mode=ModeKeys.TRAIN), loss.steps(mode=ModeKeys.EVAL)) == ([0, 1, 2], [0])
    assert loss.value(0, mode=ModeKeys.EVAL) == 0.5
    assert trial.tensor("labels").value(2).tolist() == [0, 1] * 9


def test_layers_carry_no_hooks_at_steps_that_are_not_saved(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path, 2, statistics=STATISTICS)
    hook.register_module(network)
    carried = []
    for _ in train(network, hook, 2):
        layers = [network.conv, network.relu, network.head]
        weights = [one for one in network.parameters() if one._post_accumulate_grad_hooks]
        carried.append((sum(bool(one._forward_hooks) for one in layers), len(weights)))
    hook.close()

    assert carried == [(3, 6), (0, 0)]
    assert not network._forward_pre_hooks


def test_layers_of_which_nothing_is_saved_are_left_alone(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path, statistics=STATISTICS)
    hook.register_module(network)
    carried = [
        [bool(network.conv._forward_hooks), bool(network.relu._forward_hooks)]
        for _ in train(network, hook, 3)
    ]

    assert carried == [[True, True], [False, True], [False, True]]


def test_the_training_goes_the_very_way_it_goes_without_hook(tmp_path: Path) -> None:
    def weights(watched: bool) -> list[Tensor]:
        torch.manual_seed(3)
        network = Net()
        hook = made(tmp_path / str(watched), statistics=STATISTICS)
        if watched:
            hook.register_module(network)
        list(train(network, hook, 4))
        return list(network.parameters())

    assert all(map(torch.equal, weights(True), weights(False)))


def test_a_step_can_be_saved_that_was_not_due(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path, 10, statistics=STATISTICS)
    hook.register_module(network)
    list(train(network, hook, 4))

    hook.save_this_step()
    hook.record("CrossEntropyLoss_output_0", float("nan"), "losses")
    hook.close()

    trial = read(tmp_path)
    assert trial.steps() == [0, 3]
    assert np.isnan(trial.tensor("CrossEntropyLoss_output_0").value(3))
    assert trial.tensor("gradient/Net_head.weight").reduction_value(3, "l2") > 0


def test_a_resumed_run_counts_on_in_its_folder(tmp_path: Path) -> None:
    trained(tmp_path, steps=3, statistics=STATISTICS)
    before = {ModeKeys.TRAIN: 3, ModeKeys.EVAL: 1}

    trial = trained(tmp_path, steps=2, statistics=STATISTICS, steps_before=before)

    assert trial.steps() == [0, 1, 2, 4, 5]
    assert trial.steps(mode=ModeKeys.TRAIN) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("left", ["events", "index", "collections", "training_job_end.ts"])
def test_a_folder_with_an_earlier_run_is_refused(tmp_path: Path, left: str) -> None:
    (tmp_path / left).mkdir()

    with pytest.raises(SettingsError, match="holds the tensors of an earlier run"):
        made(tmp_path)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"out_dir": None}, "needs a folder"),
        ({"out_dir": "s3://bucket/run"}, "on this machine"),
        ({"statistics": {"weights": frozenset({"median"})}}, "'median', which there is not"),
        ({"include_collections": ["mine"]}, "mine"),
        ({"save_config": 3}, "SaveConfig"),
    ],
)
def test_settings_that_would_save_nothing_are_refused_in_a_sentence(
    tmp_path: Path, settings: dict[str, object], sentence: str
) -> None:
    from imageclf.debugger.hook.hook import Hook  # noqa: PLC0415

    with pytest.raises(SettingsError, match=sentence):
        hook = Hook(**{"out_dir": str(tmp_path), **settings})  # type: ignore[arg-type]
        hook.get_collection("mine")
        hook.will_save()


def test_a_configuration_that_matches_nothing_is_told_at_the_first_step(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path, include_regex=["conv9"])
    hook.register_module(network)
    network(batch()[0])

    with pytest.raises(TensorsError, match=r"No tensor of step 0 .*\(default, losses\)"):
        network(batch()[0])


def test_networks_and_losses_of_another_kind_are_refused(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path)
    hook.register_module(network)

    with pytest.raises(SettingsError, match="twice"):
        hook.register_module(network)
    with pytest.raises(SettingsError, match="str is none"):
        hook.register_module("network")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="Linear is no loss"):
        hook.register_loss(nn.Linear(1, 1))


def test_a_full_disk_ends_the_saving_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network, hook = Net(), made(tmp_path, statistics=STATISTICS)
    hook.register_module(network)
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / f"{2:012d}").write_text("in the way")

    losses = list(train(network, hook, 5))
    hook.close()

    assert len(losses) == 5
    assert "000000000002_worker_0.tfevents" in str(hook.failure)
    assert read(tmp_path).steps() == [0, 1]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_what_fails_in_a_statistic_does_not_reach_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, hook = Net(), made(tmp_path, statistics=STATISTICS)
    hook.register_module(network)

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(hook, "_plan", broken)
    losses = list(train(network, hook, 2))

    assert len(losses) == 2
    assert "RuntimeError: broken" in str(hook.failure)


def test_a_worker_that_does_not_write_saves_nothing(tmp_path: Path) -> None:
    hook = made(tmp_path, statistics=STATISTICS)
    hook.worker = "worker_1"
    network = Net()
    hook.register_module(network)

    list(train(network, hook, 2))

    assert not hook.will_save()
    hook.close()
    assert not (tmp_path / "events").exists()


def test_a_claim_that_a_killed_process_left_keeps_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "claim.smd").touch()

    trial = trained(tmp_path, statistics=STATISTICS)

    assert trial.steps() == [0, 1, 2]
    assert not (tmp_path / "claim.smd").exists()


def test_every_mode_and_collection_has_its_own_steps(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path, 100, statistics=STATISTICS)
    hook.get_collection("losses").save_config = SaveConfig(save_interval=1)
    hook.get_collection("gradients").save_config = SaveConfig(save_steps=[1, 3])
    hook.register_module(network)
    list(train(network, hook, 4))
    hook.close()

    trial = read(tmp_path)
    assert trial.tensor("CrossEntropyLoss_output_0").steps() == [0, 1, 2, 3]
    assert trial.tensor("gradient/Net_conv.weight").steps() == [0, 1, 3]
    assert trial.tensor("Net_conv.weight").steps() == [0]
    assert trial.tensor("relu_output_0").steps() == [0]
