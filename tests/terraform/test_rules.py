"""deploy/terraform keeps to the project's rules, and every rule notices what breaks it."""

import re

import hcl_files
import pytest
import yaml
from ground_rules import NAME_MAX, RULES
from hcl_files import GROUND, ROOT, Configuration
from puna.ground.findings import Ours, role_names

OURS = hcl_files.read()
# Rule: what is replaced in which file, each of which the rule must notice.
SABOTAGE = [
    ("everything_is_tagged_as_ours", "versions.tf", "tags = local.tags", "tags = {}"),
    ("everything_is_tagged_as_ours", "main.tf", '"puna-ground" = var.name', "Owner = var.name"),
    ("everything_is_tagged_as_ours", "modules/nodes/main.tf", '["instance", "volume", "network-interface"]', '["instance"]'),
    ("nothing_is_open_to_the_internet", "modules/network/main.tf", "cidr_ipv4         = each.value",
     'cidr_ipv4         = "0.0.0.0/0"'),
    ("nothing_is_open_to_the_internet", "variables.tf", '''reach the API server from the internet, such as your own address \
with /32. Empty: only from inside the VPC."
  type        = list(string)
  default     = []''', '''"
  type        = list(string)
  default     = ["0.0.0.0/0"]'''),
    ("nothing_is_open_to_the_internet", "modules/cluster/main.tf", "length(var.api_cidrs) > 0\n", "true\n"),
    ("nothing_is_open_to_the_internet", "modules/cluster/main.tf", "endpoint_private_access = true",
     "endpoint_private_access = false"),
    ("what_is_stored_is_encrypted", "modules/nodes/main.tf", 'encrypted             = "true"', 'encrypted = "false"'),
    ("what_is_stored_is_encrypted", "modules/cluster/main.tf", 'resources = ["secrets"]', "resources = []"),
    ("what_is_stored_is_encrypted", "modules/cluster/main.tf", "enable_key_rotation     = true", ""),
    ("what_is_stored_is_encrypted", "modules/karpenter/main.tf", "sqs_managed_sse_enabled   = true", ""),
    ("what_is_stored_is_encrypted", "modules/storage/main.tf", "block_public_policy     = true", ""),
    ("machines_are_of_today", "modules/nodes/main.tf", '"required"', '"optional"'),
    ("machines_are_of_today", "modules/nodes/main.tf", "AL2023_x86_64_STANDARD", "AL2_x86_64"),
    ("versions_are_pinned", "modules/addons/versions.tf", ", < 7.0", ""),
    ("versions_are_pinned", "versions.tf", ">= 5.46, < 7.0", ">= 5.46"),
    ("versions_are_pinned", "main.tf", '"./modules/network"', '"terraform-aws-modules/vpc/aws"'),
    ("roles_may_do_only_what_they_must", "modules/karpenter/main.tf",
     '"ec2:DescribeSubnets",', '"ec2:DescribeSubnets", "ec2:TerminateInstances",'),
    ("roles_may_do_only_what_they_must", "modules/karpenter/main.tf", '["sqs:SendMessage"]', '["sqs:*"]'),
    ("roles_may_do_only_what_they_must", "modules/cluster/main.tf", '= "API"', '= "API_AND_CONFIG_MAP"'),
    ("the_control_plane_can_be_looked_into", "modules/cluster/main.tf", '"audit", ', ""),
    ("images_do_not_change_under_their_tag", "modules/registry/main.tf", '"IMMUTABLE"', '"MUTABLE"'),
    ("variables_say_what_they_take", "modules/cluster/variables.tf", "type = number", ""),
    ("names_fit_their_limits", "modules/cluster/main.tf", "${var.name}-cluster", "${var.name}-" + "long" * 10),
    ("names_fit_their_limits", "modules/nodes/main.tf", '"${var.name}-nodes"', '"nodes"'),
    ("the_numbers_are_the_seeds", "variables.tf", '"10.1.0.0/21"\n  v', '"10.2.0.0/21"\n  v'),
    ("the_numbers_are_the_seeds", "main.tf", '["usw2-az4", "usw2-az1"]', '["usw2-az1", "usw2-az4"]'),
]


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.__name__)
def test_rule(one):
    assert list(one(OURS)) == []


@pytest.mark.parametrize("name, file, before, after", SABOTAGE, ids=range(len(SABOTAGE)))
def test_a_rule_notices_what_breaks_it(name, file, before, after):
    assert before in OURS.texts[file]
    broken = Configuration({**OURS.texts, file: OURS.texts[file].replace(before, after, 1)})
    assert list(next(one for one in RULES if one.__name__ == name)(broken))


def test_every_rule_is_sabotaged_at_least_once():
    assert {name for name, *_ in SABOTAGE} == {one.__name__ for one in RULES}


def test_the_longest_name_that_rules_reckon_with_is_the_longest_that_is_allowed():
    pattern = str(OURS.variable("name")["validation"][0]["condition"])
    low, high = map(int, re.search(r"\{(\d+),(\d+)\}", pattern).groups())
    assert high + 2 == NAME_MAX and low + 2 == 3


def test_the_node_pools_name_what_terraform_makes():
    pools = list(yaml.safe_load_all((ROOT / "deploy/kubernetes/components/karpenter/node-pools.yaml").read_text()))
    name = OURS.variable("name")["default"]
    profile = OURS.of("resource", "aws_iam_instance_profile")[0].body["name"].replace("${var.name}", name)
    for one in (pool["spec"] for pool in pools if pool["kind"] == "EC2NodeClass"):
        assert one["instanceProfile"] == profile
        assert "role" not in one, "Karpenter would make a profile of its own, which no destroy finds"
        for terms in (one["subnetSelectorTerms"], one["securityGroupSelectorTerms"]):
            assert terms == [{"tags": {"karpenter.sh/discovery": name}}]


def test_cleanup_knows_every_role_policy_and_profile_by_name():
    """IAM has no question for tags: what cleanup.sh does not know by name it would leave behind, and call it nothing."""
    made = {str(one.body["name"]).replace("${var.name}", "x") for kind in ("role", "policy", "instance_profile")
            for one in OURS.of("resource", f"aws_iam_{kind}")}
    assert made == set(role_names(Ours("x")))


def test_nothing_that_terraform_writes_can_be_committed():
    ignored = (ROOT / ".gitignore").read_text().split()
    for one in (".terraform/", "*.tfstate*", "*.auto.tfvars.json"):
        assert f"/deploy/terraform/{one}" in ignored
    assert not list(GROUND.glob("*.tfvars"))
