"""Who may do what in a project's part of a bucket, as policies in AWS's own language.

One policy for each role: what it may list, read, write, make anew and delete, and nothing else. AWS takes it as an IAM
policy or, with a principal, as a bucket policy; the embedded server takes the same document
(`fsl.store.embedded.roles`). The keys are those of `fsl.store.layout`. What no policy can prevent stands in
docs/roles.md.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fsl.errors import FslError
from fsl.store.errors import BadName

Policy = dict[str, Any]

PROBE = ".probe/*"  # where a writer tries whether the store keeps its promises
# A ruling keeps an object from a cleaning. Its name has 32 letters, so that the pattern lets nobody make a `mark.json`,
# which says what shall be removed.
RULING = f"models/gc/*/{'?' * 32}.json"
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class Role:
    """What somebody may do with the keys of a project. Patterns are relative to it; `*` stands for anything."""

    name: str
    what: str
    lists: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()  # written once, and never over
    deletes: tuple[str, ...] = ()


ROLES = (
    Role("dropper", "drops new files into the inbox", lists=("inbox/*",), creates=("inbox/*",)),
    Role(
        "trainer",
        "takes files in, trains, judges, publishes versions and checks drift",
        lists=("*",),
        reads=("*",),
        writes=(
            "batches/rows/*",
            "batches/reports/*",
            "embeddings/*",
            "pool/*",
            "quarantine/*",
            "runs/*",
            "reports/*",
            "drift/*",
            "models/blobs/*",
            "claims/*.alive",
            PROBE,
        ),
        creates=(
            "batches/commits/*",
            "snapshots/*",
            "batches/seen/*",
            "verdicts/*",
            "claims/*.json",
            "models/requests/*",
            "models/versions/*",
            "models/aliases/challenger/*",
            RULING,
        ),
        deletes=(PROBE,),
    ),
    Role(
        "promoter",
        "moves aliases, the champion's among them",
        lists=("*",),
        reads=("*",),
        writes=("claims/*.alive", PROBE),
        creates=("models/aliases/*", "models/requests/*", "models/approvals/*", "claims/*.json", RULING),
        deletes=(PROBE,),
    ),
    Role(
        "server",
        "loads what is promoted, and logs what it answers",
        lists=("models/*",),
        reads=("models/*", "layout.json", "config.yaml"),
        writes=("predictions/*",),
    ),
)


@dataclass(eq=False)
class NoSuchRole(FslError):
    """No role of this name."""

    name: str

    def __str__(self) -> str:
        names = ", ".join(role.name for role in ROLES)
        return f"there is no role {self.name!r}. There are: {names}; docs/roles.md says what each may do."


def find_role(name: str) -> Role:
    """Return the role of this name. Raises NoSuchRole."""
    for role in ROLES:
        if role.name == name:
            return role
    raise NoSuchRole(name)


def build_policy(
    role: Role, bucket: str, project: str, *, principal: str | None = None, knows_create_only: bool = True
) -> Policy:
    """Return the policy that gives a role its part of one project, and nothing of any other.

    Args:
        principal: the ARN of whom it is for, which makes it a bucket policy; None: an IAM policy.
        knows_create_only: whether the store knows the condition key `s3:if-none-match`, as AWS does. A store that does
            not would find it missing in every request, and refuse them all.

    Raises:
        BadName: no bucket can have this name, so that a `*` in it never widens a policy.
    """
    if not _BUCKET_NAME.fullmatch(bucket):
        raise BadName("a bucket", bucket, "it has 3 to 63 lower-case letters, digits, dots and hyphens")
    statements = list(_statements(role, f"arn:aws:s3:::{bucket}", project, knows_create_only))
    for statement in statements:
        statement["Sid"] = role.name.capitalize() + statement["Sid"]
        if principal is not None:
            statement["Principal"] = {"AWS": principal}
    return {"Version": "2012-10-17", "Statement": statements}


def as_json(policy: Policy) -> str:
    """Return the policy as it is printed and kept in files."""
    return json.dumps(policy, indent=2, ensure_ascii=False) + "\n"


def _statements(role: Role, bucket: str, project: str, knows_create_only: bool) -> Iterator[Policy]:
    def objects(patterns: tuple[str, ...]) -> list[str]:
        return [f"{bucket}/{project}/{pattern}" for pattern in patterns]

    prefixes = [f"{project}/{pattern}" for pattern in role.lists]
    yield _allow("Lists", "s3:ListBucket", [bucket]) | {"Condition": {"StringLike": {"s3:prefix": prefixes}}}
    if role.reads:
        yield _allow("Reads", "s3:GetObject", objects(role.reads))
        # AWS calls a missing object forbidden to whoever may not list, and a reader must tell the two apart. Such a
        # request names no prefix.
        yield _allow("SeesWhatIsMissing", "s3:ListBucket", [bucket]) | {"Condition": {"Null": {"s3:prefix": "true"}}}
    yield _allow("Writes", ["s3:PutObject", "s3:AbortMultipartUpload"], objects((*role.writes, *role.creates)))
    if role.deletes:
        yield _allow("Deletes", "s3:DeleteObject", objects(role.deletes))
    if role.creates and knows_create_only:
        # The second condition lets the parts of a large upload pass; what makes them an object must be create-only.
        yield {
            "Sid": "NeverWritesOver",
            "Effect": "Deny",
            "Action": "s3:PutObject",
            "Resource": objects(role.creates),
            "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
        }


def _allow(sid: str, action: str | list[str], resources: list[str]) -> Policy:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resources}
