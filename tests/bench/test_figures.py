import json
import math

from bench.serving.figures import (
    Cell,
    Figures,
    best_peer,
    over_least_wait,
    overhead_ms,
)


def cell(*latencies_ms: float, seconds: float = 1.0, **errors: int) -> Cell:
    one = Cell()
    one.add(
        {
            "seconds": seconds,
            "latencies_ms": list(latencies_ms),
            "errors": errors,
            "cpu_share": 0.01,
        }
    )
    return one


def test_rounds_are_put_together() -> None:
    one = cell(1, 2, refused=1)
    one.add({"seconds": 3.0, "latencies_ms": [3, 4], "errors": {"refused": 2}, "cpu_share": 0.02})
    assert one.rate == 1.0
    assert one.failed == 3


def test_percentiles_are_by_nearest_rank() -> None:
    one = cell(*range(100, 0, -1))
    assert one.percentile_ms(0.5) == 50
    assert one.percentile_ms(0.99) == 99
    assert cell(7).percentile_ms(0.99) == 7
    assert math.isnan(cell().percentile_ms(0.5))


def test_overhead_is_the_difference_of_the_middles_at_one_client() -> None:
    ours, raw = Figures({1: cell(11, 12, 13), 8: cell(90)}), Figures({1: cell(10, 11, 12)})
    assert overhead_ms(ours, raw) == 1
    assert math.isnan(overhead_ms(ours, Figures()))


def test_the_best_peer_has_the_most_right_answers() -> None:
    peers = {"slow": Figures({2: cell(1)}), "fast": Figures({2: cell(1, 1)}), "absent": Figures()}
    assert best_peer(peers, 2) == ("fast", 2.0)
    assert best_peer(peers, 4)[0] == "none"


def test_the_least_wait_is_clients_over_rate() -> None:
    assert over_least_wait(cell(*[400.0] * 10), clients=4) == 1.0
    assert math.isnan(over_least_wait(cell(), clients=4))


def test_a_summary_is_json_even_where_nothing_was_measured() -> None:
    summary = Figures({1: cell()}).summary()
    assert json.loads(json.dumps(summary, allow_nan=False))["cells"]["1"]["p50_ms"] is None
