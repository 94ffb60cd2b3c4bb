"""Files are cut into requests as SplitType, BatchStrategy and MaxPayloadInMB say."""

import io

import pytest

from local_test.cloud.transform.records import RecordTooLargeError, body, payloads


def cut(text: bytes, split: str, strategy: str, max_bytes: int = 0) -> list[bytes]:
    return [body(one) for one in payloads(io.BytesIO(text), split, strategy, max_bytes)]


def test_a_file_that_is_not_split_goes_whole() -> None:
    assert cut(b"a\nb\n", "None", "MultiRecord", 4) == [b"a\nb\n"]


def test_single_record_sends_each_line_alone_without_its_end() -> None:
    assert cut(b"a\nbb\n\nc", "Line", "SingleRecord") == [b"a", b"bb", b"c"]


def test_multi_record_fills_requests_up_to_the_payload() -> None:
    assert cut(b"aa\nbb\ncc\ndddd\n", "Line", "MultiRecord", 5) == [b"aa\nbb", b"cc", b"dddd"]
    assert cut(b"aa\nbb\ncc", "Line", "MultiRecord") == [b"aa\nbb\ncc"]


def test_an_empty_file_has_no_lines() -> None:
    assert cut(b"", "Line", "MultiRecord", 5) == []


def test_a_line_as_long_as_the_payload_still_fits_and_one_byte_more_does_not() -> None:
    assert cut(b"aaaaa\nbb\n", "Line", "SingleRecord", 5) == [b"aaaaa", b"bb"]
    with pytest.raises(RecordTooLargeError, match="MaxPayloadInMB"):
        cut(b"aaaaaa\nbb", "Line", "MultiRecord", 5)


def test_a_file_larger_than_the_payload_is_refused_when_it_is_not_split() -> None:
    with pytest.raises(RecordTooLargeError):
        cut(b"aaaaaa", "None", "SingleRecord", 5)
