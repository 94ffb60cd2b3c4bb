"""List operations: the filters, the order and the pages that all of them have in common."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_test.cloud.errors import validation

Document = dict[str, Any]

_PAGE = 100
_NO_ORDERS: Mapping[str, Callable[[Document], Any]] = {}
_TIMES = {"CreationTime": "CreationTime", "LastModifiedTime": "LastModifiedTime"}


def listed(
    documents: Sequence[Document],
    arguments: Mapping[str, Any],
    *,
    name: str,
    status: str = "",
    summary: Callable[[Document], Document],
    answer: str,
    orders: Mapping[str, Callable[[Document], Any]] = _NO_ORDERS,
) -> Document:
    """One page of `documents` as a List operation answers it.

    Honoured where `arguments` have them: NameContains, StatusEquals, CreationTimeAfter and Before,
    LastModifiedTimeAfter and Before, SortBy (Name, Status, CreationTime, LastModifiedTime; by
    creation time else), SortOrder (ascending else), MaxResults, NextToken.

    Args:
        name: the field with the name, like `TrainingJobName`.
        status: the field with the status, where there is one.
        summary: what a document looks like in the list.
        answer: the field that the list goes into, like `TrainingJobSummaries`.
        orders: what to sort by for further values of SortBy.

    Raises:
        ApiError: NextToken is not one of ours.
    """
    chosen = [one for one in documents if _is_wanted(one, arguments, name, status)]
    fields = {"Name": name, "Status": status or name, **_TIMES}
    wanted = str(arguments.get("SortBy", "CreationTime"))
    by = fields.get(wanted, "CreationTime")
    descending = arguments.get("SortOrder") == "Descending"
    chosen.sort(key=lambda one: (one.get(by) or 0) if by in _TIMES else str(one.get(by, "")))
    if wanted in orders:
        chosen.sort(key=orders[wanted])
    if descending:
        chosen.reverse()
    page = paged(chosen, arguments, answer=answer)
    return page | {answer: [summary(one) for one in page[answer]]}


def paged(items: Sequence[Document], arguments: Mapping[str, Any], *, answer: str) -> Document:
    """The page of `items` that MaxResults and NextToken ask for, in the field `answer`.

    Raises:
        ApiError: NextToken is not one of ours.
    """
    start = _start(arguments.get("NextToken"))
    end = start + int(arguments.get("MaxResults", _PAGE))
    page: Document = {answer: list(items[start:end])}
    if end < len(items):
        page["NextToken"] = base64.b64encode(json.dumps({"start": end}).encode()).decode()
    return page


def _is_wanted(one: Document, arguments: Mapping[str, Any], name: str, status: str) -> bool:
    if str(arguments.get("NameContains", "")).lower() not in str(one.get(name, "")).lower():
        return False
    if status and arguments.get("StatusEquals", one.get(status)) != one.get(status):
        return False
    for field in _TIMES:
        at = float(one.get(field) or 0)
        if not (float(arguments.get(f"{field}After", at - 1)) < at):
            return False
        if not (at < float(arguments.get(f"{field}Before", at + 1))):
            return False
    return True


def _start(token: object) -> int:
    if token is None:
        return 0
    try:
        return int(json.loads(base64.b64decode(str(token)))["start"])
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise validation("The NextToken is not one that was given out here.") from error
