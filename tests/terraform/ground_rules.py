"""The project's own rules for deploy/terraform: each gives the sentences about what breaks it."""

import re
from collections.abc import Callable, Iterator

from hcl_files import Block, Configuration

Rule = Callable[[Configuration], Iterator[str]]
RULES: list[Rule] = []
NAME_MAX = 30
ROLE_NAME_MAX, BUCKET_NAME_MAX = 64, 63
# Types that AWS lets everybody see, and that take no resource in a policy.
LOOKING = re.compile(r"^(\w+:(Describe|List|Get)\w+|pricing:GetProducts)$")
OPEN = re.compile(r"0\.0\.0\.0/0|::/0")


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def wants(block: Block, condition: object, words: str) -> Iterator[str]:
    if not condition:
        yield f"{block.address} {words}"


@rule
def everything_is_tagged_as_ours(it: Configuration) -> Iterator[str]:
    provider = it.of("provider", "aws")
    if [one.blocks("default_tags") for one in provider] != [[{"tags": "${local.tags}", "__is_block__": True}]]:
        yield "versions.tf: the one provider must have default_tags with local.tags"
    tags = next((one.body["tags"] for one in it.of("locals") if "tags" in one.body), "")
    for tag in ("Project", "puna-ground"):
        if tag not in str(tags):
            yield f"main.tf: local.tags has no {tag}, by which cleanup.sh finds what is ours"
    for one in it.of("resource", "aws_launch_template"):
        kinds = set(one.each_of("tag_specifications") or
                    [each.get("resource_type") for each in one.blocks("tag_specifications")])
        missing = {"instance", "volume", "network-interface"} - kinds
        yield from wants(one, not missing, f"leaves what is made from it untagged: {sorted(missing)}")


@rule
def nothing_is_open_to_the_internet(it: Configuration) -> Iterator[str]:
    for one in it.of("resource", "aws_security_group"):
        yield from wants(one, not {"ingress", "egress"} & set(one.body), "has rules inside: use rules of their own")
    for kind in ("aws_security_group_rule", "aws_default_security_group"):
        for one in it.of("resource", kind):
            yield f"{one.address}: use aws_vpc_security_group_ingress_rule"
    for one in it.of("resource", "aws_vpc_security_group_ingress_rule"):
        yield from wants(one, not OPEN.search(str(one.body)), "lets the whole internet in")
        yield from wants(one, one.body.get("ip_protocol") != "-1", "lets every protocol in")
    for one in it.of("variable"):
        yield from wants(one, not OPEN.search(str(one.body.get("default"))), "is open to the internet by default")
    for one in it.of("resource", "aws_subnet"):
        yield from wants(one, not one.body.get("map_public_ip_on_launch"), "gives machines public addresses")
    for one in it.of("resource", "aws_eks_cluster"):
        access = one.blocks("vpc_config")[0]
        yield from wants(one, access.get("endpoint_private_access") is True, "has no private endpoint")
        yield from wants(one, "var.api_cidrs" in str(access.get("endpoint_public_access")),
                         "has a public endpoint that api_cidrs does not decide")
        yield from wants(one, "var.api_cidrs" in str(access.get("public_access_cidrs")),
                         "does not restrict its public endpoint to api_cidrs")


@rule
def what_is_stored_is_encrypted(it: Configuration) -> Iterator[str]:
    for one in it.of("resource", "aws_eks_cluster"):
        yield from wants(one, any("secrets" in each.get("resources", []) for each in one.blocks("encryption_config")),
                         "does not encrypt Secrets with a key")
    for one in it.of("resource", "aws_kms_key"):
        yield from wants(one, one.body.get("enable_key_rotation") is True, "never changes its key")
    for one in it.of("resource", "aws_launch_template"):
        disks = [each["ebs"][0] for each in one.blocks("block_device_mappings")]
        yield from wants(one, disks and all(each.get("encrypted") == "true" for each in disks), "has a plain disk")
    for one in it.of("resource", "aws_sqs_queue"):
        yield from wants(one, one.body.get("sqs_managed_sse_enabled") is True, "keeps messages in the clear")
    for one in it.of("resource", "aws_ecr_repository"):
        yield from wants(one, one.blocks("encryption_configuration"), "does not say how images are encrypted")
    buckets = it.of("resource", "aws_s3_bucket")
    for kind in ("aws_s3_bucket_server_side_encryption_configuration", "aws_s3_bucket_public_access_block"):
        for one in buckets:
            yield from wants(one, len(it.of("resource", kind)) == len(buckets), f"has no {kind}")
    for one in it.of("resource", "aws_s3_bucket_public_access_block"):
        switches = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
        yield from wants(one, all(one.body.get(each) is True for each in switches), "leaves a way to the public")


@rule
def machines_are_of_today(it: Configuration) -> Iterator[str]:
    for one in it.of("resource", "aws_launch_template"):
        access = one.blocks("metadata_options")
        yield from wants(one, access and access[0].get("http_tokens") == "required", "answers metadata without a token")
        yield from wants(one, access and access[0].get("http_put_response_hop_limit") == 1, "lets pods read its metadata")
    for file, text in it.texts.items():
        for found in re.findall(r'"(AL2_[A-Za-z0-9_]+)"', text):
            yield f"{file}: {found} gets no updates any more; use AL2023_…"


@rule
def versions_are_pinned(it: Configuration) -> Iterator[str]:
    folders = {file.rpartition("/")[0] for file in it.texts}
    pinned = {one.file.rpartition("/")[0]: one for one in it.of("terraform") if "required_version" in one.body}
    for folder in sorted(folders - set(pinned)):
        yield f"{folder or '.'}: has no required_version"
    providers = {str(one.body.get("required_providers")) for one in pinned.values()}
    if len(providers) > 1:
        yield "the modules disagree about required_providers"
    for one in pinned.values():
        for each in one.body.get("required_providers", []):
            names = set(each) - {"__is_block__"}
            yield from wants(one, names == {"aws"}, f"needs {sorted(names)}: a cluster must not be needed to plan one")
            version = each.get("aws", {}).get("version", "")
            yield from wants(one, "<" in version, f"has no upper bound for aws: {version}")
    for one in it.of("module"):
        yield from wants(one, str(one.body.get("source")).startswith("./modules/"), "is not our own module")


@rule
def roles_may_do_only_what_they_must(it: Configuration) -> Iterator[str]:
    for one in it.of("data", "aws_iam_policy_document"):
        for statement in one.blocks("statement"):
            if statement.get("effect") == "Deny":
                continue
            actions = statement.get("actions", [])
            where = f"statement {statement.get('sid', '')}".strip()
            if isinstance(actions, list):
                yield from wants(one, not any("*" in each for each in actions), f"allows {actions} in {where}")
            if statement.get("resources") == ["*"]:
                changing = [each for each in actions if not LOOKING.match(each)]
                yield from wants(one, not changing, f"allows {changing} on everything in {where}")
            for each in statement.get("principals", []):
                yield from wants(one, "*" not in each["identifiers"], f"trusts everybody in {where}")
    for one in it.of("resource", "aws_eks_cluster"):
        modes = [each.get("authentication_mode") for each in one.blocks("access_config")]
        yield from wants(one, modes == ["API"], "takes access from elsewhere than access entries")


@rule
def the_control_plane_can_be_looked_into(it: Configuration) -> Iterator[str]:
    wanted = {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    for one in it.of("resource", "aws_eks_cluster"):
        yield from wants(one, set(one.body.get("enabled_cluster_log_types", [])) == wanted, "does not log everything")
    for one in it.of("resource", "aws_cloudwatch_log_group"):
        yield from wants(one, "retention_in_days" in one.body, "keeps logs for ever")


@rule
def images_do_not_change_under_their_tag(it: Configuration) -> Iterator[str]:
    repositories = it.of("resource", "aws_ecr_repository")
    for one in repositories:
        yield from wants(one, one.body.get("image_tag_mutability") == "IMMUTABLE", "lets tags move")
        scans = [each.get("scan_on_push") for each in one.blocks("image_scanning_configuration")]
        yield from wants(one, scans == [True], "does not scan what is pushed")
        yield from wants(one, it.of("resource", "aws_ecr_lifecycle_policy"), "keeps every image for ever")


@rule
def variables_say_what_they_take(it: Configuration) -> Iterator[str]:
    for one in it.of("variable"):
        yield from wants(one, "type" in one.body, "has no type")
        if "/" in one.file:
            continue  # the root has checked it
        yield from wants(one, "description" in one.body, "has no description")
        yield from wants(one, "default" in one.body, "has no default: install.sh must work as it is")
        free = "bool" in str(one.body.get("type"))
        if one.labels[0] != "nat_gateway_per_zone":
            yield from wants(one, free or one.body.get("validation"), "is not checked")
        for each in one.body.get("validation", []):
            words = str(each.get("error_message"))
            yield from wants(one, one.labels[0] in words or "zone" in words or "tags" in words or
                             words.startswith("every accelerator"), f"has a message that does not name it: {words}")


@rule
def names_fit_their_limits(it: Configuration) -> Iterator[str]:
    for kind, field, most in (("aws_iam_role", "name", ROLE_NAME_MAX), ("aws_iam_policy", "name", ROLE_NAME_MAX),
                              ("aws_iam_instance_profile", "name", ROLE_NAME_MAX),
                              ("aws_cloudwatch_event_rule", "name", ROLE_NAME_MAX),
                              ("aws_sqs_queue", "name", 80), ("aws_eks_cluster", "name", 100)):
        for one in it.of("resource", kind):
            longest = str(one.body[field]).replace("${var.name}", "n" * NAME_MAX).replace("${each.key}", "rebalance")
            yield from wants(one, len(longest) <= most, f"can have {len(longest)} characters, at most {most}")
            yield from wants(one, "${var.name}" in str(one.body[field]) or one.body[field] == "${var.name}",
                             "would collide with a second cluster's")
    bucket = "n" * NAME_MAX + "-models-" + "1" * 12
    assert len(bucket) <= BUCKET_NAME_MAX


@rule
def the_numbers_are_the_seeds(it: Configuration) -> Iterator[str]:
    for name, value in {"region": "us-west-2", "vpc_cidr": "10.1.0.0/21", "pods_cidr": "100.64.0.0/16",
                        "system_instance_types": ["m5.2xlarge"], "accelerator_groups": {}, "api_cidrs": [],
                        "system_size": {"min": 3, "max": 8, "desired": 3}}.items():
        if it.variable(name)["default"] != value:
            yield f"variables.tf: {name} is {it.variable(name)['default']}, the seed's is {value}"
    group = str(it.variable("accelerator_groups")["type"])
    for words in ("optional(number, 0)", "optional(number, 2)", "optional(number, 500)"):
        if words not in group:
            yield f"variables.tf: accelerator_groups has no {words}"
    zones = next(one.body["inf2_zones"] for one in it.of("locals") if "inf2_zones" in one.body)
    expected = {"us-east-1": ["use1-az6", "use1-az5"], "us-east-2": ["use2-az3", "use2-az1"],
                "us-west-2": ["usw2-az4", "usw2-az1"]}
    if zones != expected:
        yield f"main.tf: zones with Inf2 are {zones}, the seed's are {expected}"
    for one in it.of("resource", "aws_sqs_queue"):
        yield from wants(one, one.body.get("message_retention_seconds") == 300, "keeps messages longer than they matter")
