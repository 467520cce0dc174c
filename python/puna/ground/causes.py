"""What a failure means and how to go on, from the words of the tools."""

import re

RUN_AGAIN = "run it again: what is there already is kept"
# Words of a tool: cause, what to do.
CAUSES = [
    (r"ExpiredToken|expired[^.]*(token|credential)|(token|credential)s?[^.]*expired",
     "the AWS credentials have expired", "sign in again (aws sso login, or new keys), then " + RUN_AGAIN),
    (r"Unable to locate credentials|No valid credential sources|NoCredentials",
     "there are no AWS credentials", "set AWS_PROFILE or the AWS_… keys, check with `aws sts get-caller-identity`"),
    (r"InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClient",
     "AWS does not know these credentials", "check them with `aws sts get-caller-identity`"),
    (r"VcpuLimitExceeded|LimitExceeded|QuotaExceeded|MaxSpotInstanceCountExceeded|limit of",
     "a quota of the AWS account is too small",
     "ask for more (Service Quotas, the name is in the message), then " + RUN_AGAIN),
    (r"InsufficientInstanceCapacity|UnsupportedAvailabilityZone",
     "AWS has no such machine free in this zone now", "wait, or choose other zones (--zone), then " + RUN_AGAIN),
    (r"Error acquiring the state lock|state lock",
     "another run holds the state", "wait until it ends; when none runs (a machine that died): terraform force-unlock with "
     "the ID above, in deploy/terraform"),
    (r"no space left on device|disk full|ENOSPC",
     "the disk is full", "make room; if terraform.tfstate is cut off, copy the newest of .ground/states over it; then " + RUN_AGAIN),
    (r"AlreadyExists|already exists|EntityAlreadyExists|ResourceInUseException|BucketAlreadyOwnedByYou",
     "AWS has something of this name that the state does not know: made by hand, or the state was lost",
     "put back the newest copy of .ground/states as terraform.tfstate; or give all of it back with "
     "`./cleanup.sh --without-state` and begin again"),
    (r"DependencyViolation|has dependencies and cannot be deleted|BucketNotEmpty",
     "something that Terraform did not make is in the way", "cleanup.sh lists it; remove it, then " + RUN_AGAIN),
    (r"Throttling|TooManyRequests|RequestLimitExceeded|Rate exceeded",
     "AWS answers slowly to so many calls", "wait some minutes, then " + RUN_AGAIN),
    (r"AccessDenied|UnauthorizedOperation|not authorized to perform",
     "this identity may not do that", "use one that may (the action is in the message), then " + RUN_AGAIN),
    (r"connection refused|no such host|i/o timeout|Could not connect|network is unreachable|dial tcp|TLS handshake",
     "the network does not reach it", "check network, VPN and proxy, then " + RUN_AGAIN),
    (r"Two interrupts received|[Ii]nterrupt", "it was stopped", RUN_AGAIN),
]


def explain(output: str) -> tuple[str, str]:
    """(cause, what to do)."""
    for pattern, cause, advice in CAUSES:
        if re.search(pattern, output):
            return cause, advice
    return "", RUN_AGAIN


def failure(what: str, output: str, code: int = 1, timed_out: bool = False) -> tuple[str, str]:
    """What every tool's failure is told as: (who, its own words and the cause; what to do)."""
    cause, advice = explain(output)
    if timed_out:
        cause = "it took too long and was stopped"
    return (f"{what}: {errors_of(output) or 'nothing was said'}\n"
            f"{f'cause: {cause}' if cause else f'it ended with {code}'}"), advice


def errors_of(output: str) -> str:
    """The part of a tool's words that says what failed."""
    lines = [re.sub(r"^[│╷╵|]\s?", "", one).rstrip() for one in output.splitlines()]
    starts = [number for number, one in enumerate(lines) if re.match(r"\s*(Error|error|ERROR)\b", one)]
    if starts:
        return "\n".join(one for one in lines[starts[0]:starts[0] + 20] if one)
    return "\n".join(one for one in lines[-8:] if one)
