"""AddTags, ListTags and DeleteTags for resources of every kind."""

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import validation
from local_test.cloud.listing import paged
from local_test.cloud.operations import Document, Request, Room

MOST_TAGS = 50
_RESERVED = "aws:"


def add_tags(cloud: Cloud, request: Request) -> Document:
    """AddTags: the tags of the resource afterwards."""
    arn = _existing(cloud, request)
    tags = {tag["Key"]: tag["Value"] for tag in request.arguments["Tags"]}
    if reserved := [key for key in tags if key.lower().startswith(_RESERVED)]:
        raise validation(f"The tag key {reserved[0]} begins with aws:, which is reserved.")
    count = len(cloud.store.tags(arn).keys() | tags.keys())
    if count > MOST_TAGS:
        raise validation(f"{arn} would have {count} tags, more than the {MOST_TAGS} allowed.")
    cloud.store.tag(arn, tags)
    return {"Tags": _listed(cloud, arn)}


def list_tags(cloud: Cloud, request: Request) -> Document:
    """ListTags."""
    arn = _existing(cloud, request)
    return paged(_listed(cloud, arn), request.arguments, answer="Tags")


def delete_tags(cloud: Cloud, request: Request) -> Document:
    """DeleteTags; keys that are not there are passed over."""
    cloud.store.untag(_existing(cloud, request), request.arguments["TagKeys"])
    return {}


def _listed(cloud: Cloud, arn: str) -> list[Document]:
    return [{"Key": key, "Value": value} for key, value in cloud.store.tags(arn).items()]


def _existing(cloud: Cloud, request: Request) -> str:
    arn: str = request.arguments["ResourceArn"]
    kind, _, name = arn.split(":", 5)[5].partition("/")
    document = cloud.store.find(kind, name)
    if document is None or arn not in document.values():
        raise validation(f"The resource {arn} does not exist.")
    return arn


ROOM = Room({"AddTags": add_tags, "ListTags": list_tags, "DeleteTags": delete_tags})
