"""Trainings whose gradients, weights or activations are ill, and their healthy twins."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import nn

from bench.rules.case import FOLDER, Case
from bench.rules.changed import LAYERS, NORMS, changed, frozen, pushed_down, widened, zeroed
from bench.rules.networks import convolutions, stack
from bench.rules.training import Save, Training, with_statistics
from imageclf.debugger.rules.catalogue import of

RULES = (
    of("VanishingGradient"),
    of("ExplodingTensor"),
    of("DeadRelu"),
    of("SaturatedActivation"),
    of("PoorWeightInitialization", distribution_range="1e-6"),
    of("WeightUpdateRatio"),
    of("AllZero", collection_names="weights,gradients"),
    of("UnchangedTensor", collection_names="weights"),
    of("TensorVariance", collection_names="weights", max_threshold="10"),
)
"""With their documented defaults where there are any; but of PoorWeightInitialization, as many
gradients of healthy networks are less than 0.001 wide."""

plain = partial(convolutions, normalised=False)
leaky = partial(plain, activation=nn.LeakyReLU)
sigmoids = partial(stack, "sigmoid", nn.Sigmoid)
tanhs = partial(stack, "tanh", nn.Tanh)
relus = partial(stack, "relu", nn.ReLU)

SICK: Mapping[str, tuple[str, Training]] = {
    "a learning rate of 10": ("ExplodingTensor", Training(leaky, lr=10, momentum=0.9)),
    "weights that begin at zero": (
        "VanishingGradient PoorWeightInitialization AllZero",
        Training(changed(plain, LAYERS, zeroed)),
    ),
    "weights that begin a hundred times too wide": (
        "PoorWeightInitialization",
        Training(changed(plain, LAYERS, widened(100)), lr=1e-6),
    ),
    "ReLUs killed by their biases": (
        "DeadRelu",
        Training(changed(plain, (nn.Conv2d,), pushed_down)),
    ),
    "ReLUs killed by large steps": ("DeadRelu", Training(plain, lr=2, momentum=0.9, steps=20)),
    "sigmoids with inputs that are too wide": (
        "SaturatedActivation",
        Training(changed(partial(sigmoids, 2), (nn.Linear,), widened(1e4))),
    ),
    "tanhs that their biases have saturated": (
        "SaturatedActivation",
        Training(changed(partial(tanhs, 2), (nn.Linear,), pushed_down)),
    ),
    "twelve sigmoids one after the other": ("VanishingGradient", Training(partial(sigmoids, 12))),
    "a backbone that is frozen": (
        "UnchangedTensor WeightUpdateRatio",
        Training(changed(convolutions, (nn.Conv2d, *NORMS), frozen)),
    ),
    "a learning rate of 1e-12": (
        "UnchangedTensor WeightUpdateRatio",
        Training(convolutions, lr=1e-12),
    ),
    "steps that throw the weights away": (
        "WeightUpdateRatio",
        Training(changed(plain, (nn.Linear,), widened(1e-3)), lr=50, steps=4),
    ),
    "a head with weights all over the place": (
        "TensorVariance",
        Training(changed(convolutions, (nn.Linear,), widened(30))),
    ),
}
"""Each disease with the rules that must find it."""

HEALTHY: Mapping[str, Training] = {
    "convolutions with normalisation": Training(convolutions),
    "convolutions without": Training(plain),
    "two tanhs": Training(partial(tanhs, 2)),
    "two sigmoids": Training(partial(sigmoids, 2), lr=0.5),
    "ReLUs alone": Training(partial(relus, 3)),
}

_REPEATED = of("SimilarAcrossRuns", other_trials=f"{FOLDER}/before")


def cases(save: Save | None = None, seed: int = 0) -> tuple[Case, ...]:
    """All of them with weights and pictures of `seed`, saved by `save`; by our hook without."""
    save = save or with_statistics([*RULES, _REPEATED])
    sick = (
        Case(name, _run(training, save, seed), RULES, frozenset(expects.split()))
        for name, (expects, training) in SICK.items()
    )
    healthy = (Case(name, _run(one, save, seed), RULES) for name, one in HEALTHY.items())
    return (*sick, *healthy, *_repetitions(save, seed))


def _run(training: Training, save: Save, seed: int) -> Callable[[Path], None]:
    return partial(replace(training, seed=seed).run, save=save)


def _repetitions(save: Save, seed: int) -> tuple[Case, Case]:
    first, other = (Training(convolutions, steps=4, seed=one) for one in (seed, seed + 1))
    return (
        Case(
            "the same training with another seed",
            partial(_twice, first, other, save),
            (_REPEATED,),
            frozenset({_REPEATED.name}),
        ),
        Case("the same training again", partial(_twice, first, first, save), (_REPEATED,)),
    )


def _twice(before: Training, now: Training, save: Save, folder: Path) -> None:
    now.run(folder, save)
    before.run(folder / "before", save)
