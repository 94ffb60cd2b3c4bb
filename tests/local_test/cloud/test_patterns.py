import pytest

from local_test.cloud import shapes
from local_test.cloud.patterns import matches_all


@pytest.mark.parametrize(
    ("pattern", "text", "does_match"),
    [
        (r"[a-z]+", "abc", True),
        (r"[a-z]+", "abc1", False),
        (r"[a-z]+", "abc\n", False),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "größe 大=1", True),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "größe!", False),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "plain text", True),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "plain text!", False),
        (r"([\p{L}\p{N}]*)${1,256}", "ab", True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a \U0001f41d", True),
        (r"arn:[\p{Alnum}\-]+:lambda", "arn:aws-cn:lambda", True),
    ],
)
def test_patterns_for_java_judge_as_they_do_in_java(
    pattern: str, text: str, does_match: bool
) -> None:
    assert matches_all(pattern, text) is does_match


def test_every_pattern_of_the_model_can_be_tried() -> None:
    model = shapes.service()
    patterns = {
        shape.metadata["pattern"]
        for shape in map(model.shape_for, model.shape_names)
        if "pattern" in shape.metadata
    }
    assert len(patterns) > 100
    for pattern in patterns:
        matches_all(pattern, "x")
        matches_all(pattern, "ä")
