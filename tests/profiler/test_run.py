from pathlib import Path

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.run import STRETCH_S, Profile
from tests.profiler.made import Made


def test_what_was_written_is_read_on_one_time_axis(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.worker("algo-1-0", device="cpu")
    made.system("algo-1", np.arange(0, 20, 0.5), {names.CPU: np.arange(40)})
    made.steps("algo-1-0", np.arange(1, 20), {names.TOOK: 1000.0})
    made.spans("algo-1-0", [(names.INITIALISATION, 0.0, 1.0)])
    made.end()
    profile = Profile(tmp_path)
    profile.refresh()
    whole = profile.whole()
    assert whole.system["algo-1"].at_s.tolist() == np.arange(0, 20, 0.5).tolist()
    assert whole.train_steps("algo-1-0")[names.TOOK].tolist() == [1000.0] * 19
    assert [span.took_s for span in whole.spans] == [1.0]
    assert profile.ended
    stretches = profile.fresh()
    assert [one.begin_s for one in stretches] == [0.0, STRETCH_S, 2 * STRETCH_S, 3 * STRETCH_S]
    assert sum(len(one.system["algo-1"]) for one in stretches) == 40
    assert not profile.notes
