import re

from scripts import naming
from tests.scripts.requests_of import AT, make_settings


def test_names_begin_with_the_project_and_fit_what_the_service_allows() -> None:
    longest = make_settings(project="a-project-with-a-long-na")
    for made in (make_settings(), longest):
        search = naming.short_name(made, AT)
        job = naming.name(made, "train", AT)
        assert len(search) <= 32
        assert len(job) <= 63
        for name in (search, job):
            assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*", name)
            assert name.startswith(made.project[:10])
    assert naming.name(longest, "train", AT, 32).endswith("-20261121-140509-123")


def test_our_tags_cannot_be_taken_by_the_settings() -> None:
    made = make_settings(tags={"imageclf:project": "other", "team": "vision"})
    assert naming.tag_values(made)["imageclf:project"] == "imageclf"
