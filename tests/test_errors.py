import inspect

from imageclf import errors
from imageclf.errors import (
    DataError,
    ImageclfError,
    ImageError,
    RequestError,
    SettingsError,
    TooLargeError,
)

ALL: list[type[ImageclfError]] = [
    one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, ImageclfError)
]
FAMILIES = ImageclfError.__subclasses__()


def test_each_family_of_errors_ends_the_program_with_a_code_of_its_own() -> None:
    codes = [family.exit_code for family in FAMILIES]
    assert len(set(codes)) == len(codes) == len(FAMILIES)
    assert all(
        1 < code < 126 for code in codes
    )  # 1 is any fault, from 126 on codes are the shell's


def test_what_concerns_the_data_ends_alike() -> None:
    assert {one.exit_code for one in ALL if issubclass(one, DataError)} == {DataError.exit_code}


def test_what_a_caller_sent_is_the_callers_fault() -> None:
    blamed = {one for one in ALL if one.status < 500}
    requests = {one for one in ALL if issubclass(one, RequestError)}
    assert blamed == {SettingsError, ImageError} | requests


def test_a_fault_of_a_request_has_a_word_for_programs() -> None:
    error = TooLargeError("too-many-images", "The request holds 65 pictures.")
    assert (error.status, error.reason) == (413, "too-many-images")


def test_a_fault_of_a_picture_has_a_reason_to_group_by() -> None:
    error = ImageError("truncated", "a.jpg ends before its picture does.")
    assert error.reason == "truncated"
    assert str(error) == "a.jpg ends before its picture does."


def test_the_drawn_tree_names_every_error() -> None:
    assert errors.__doc__ is not None
    drawn = {word for word in errors.__doc__.split() if word.endswith("Error")}
    assert {one.__name__ for one in ALL} == drawn
