import numpy as np
import pytest

from tests.profiler.series import make


def test_the_file_is_what_the_script_makes_and_says_that_it_is_no_recording() -> None:
    made = make.arrays()
    with np.load(make.FILE) as content:
        assert sorted(content.files) == sorted(made)
        for name, values in made.items():
            np.testing.assert_array_equal(content[name], values)
        assert "not recorded" in str(content["note"])


@pytest.mark.parametrize("name", ["healthy_a100", "eight_unbalanced"])
def test_utilisations_are_whole_per_cents(name: str) -> None:
    values = make.arrays()[name]
    assert values.dtype == np.uint8
    assert values.max() <= 100
    assert values.shape[1] == make.POINTS
