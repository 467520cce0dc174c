# What the configuration plans, with made-up answers of AWS: `terraform test`, no account needed.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/made-up" }
  }
  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::111122223333:policy/made-up" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-west-2:111122223333:key/11111111-2222-3333-4444-555555555555" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-west-2:111122223333:karpenter-llama2" }
  }
  mock_resource "aws_eks_cluster" {
    defaults = { arn = "arn:aws:eks:us-west-2:111122223333:cluster/llama2" }
  }
  mock_resource "aws_ecr_repository" {
    defaults = { repository_url = "111122223333.dkr.ecr.us-west-2.amazonaws.com/llama2/puna" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::llama2-models-111122223333" }
  }
}

run "the_networks_are_the_seeds" {
  command = plan
  module {
    source = "./modules/network"
  }
  variables {
    name                 = "llama2"
    region               = "us-west-2"
    zones                = ["usw2-az4", "usw2-az1"]
    vpc_cidr             = "10.1.0.0/21"
    pods_cidr            = "100.64.0.0/16"
    nat_gateway_per_zone = true
    endpoint_services    = ["ecr.api", "ecr.dkr", "sts"]
  }
  assert {
    condition     = join(" ", aws_subnet.private[*].cidr_block) == "10.1.0.0/24 10.1.1.0/24"
    error_message = "private subnets"
  }
  assert {
    condition     = join(" ", aws_subnet.public[*].cidr_block) == "10.1.2.0/26 10.1.2.64/26"
    error_message = "public subnets"
  }
  assert {
    condition     = join(" ", aws_subnet.pods[*].cidr_block) == "100.64.0.0/17 100.64.128.0/17"
    error_message = "subnets of nodes and pods"
  }
  assert {
    condition     = alltrue([for one in aws_subnet.pods : one.tags["karpenter.sh/discovery"] == "llama2"])
    error_message = "Karpenter finds the pod subnets"
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 2 && length(aws_route.private) == 2
    error_message = "a NAT gateway in each zone"
  }
}

run "three_zones_share_one_gateway_where_that_is_chosen" {
  command = plan
  module {
    source = "./modules/network"
  }
  variables {
    name                 = "llama2"
    region               = "us-west-2"
    zones                = ["usw2-az4", "usw2-az1", "usw2-az2"]
    vpc_cidr             = "10.1.0.0/21"
    pods_cidr            = "100.64.0.0/16"
    nat_gateway_per_zone = false
    endpoint_services    = []
  }
  assert {
    condition     = join(" ", concat(aws_subnet.private, aws_subnet.public)[*].cidr_block) == "10.1.0.0/24 10.1.1.0/24 10.1.2.0/24 10.1.3.0/26 10.1.3.64/26 10.1.3.128/26"
    error_message = "subnets of three zones do not overlap"
  }
  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.private) == 3
    error_message = "one NAT gateway for three routes"
  }
}

run "everything_can_be_planned" {
  command = plan
  assert {
    condition     = join(" ", output.zones) == "usw2-az4 usw2-az1"
    error_message = "zones of the default region"
  }
  assert {
    condition     = join(" ", module.nodes.groups) == "system"
    error_message = "no accelerator group that nobody asked for"
  }
  assert {
    condition     = output.models_bucket == null
    error_message = "no bucket that nobody asked for"
  }
}

run "everything_can_be_applied" {
  variables {
    api_cidrs          = ["203.0.113.7/32"]
    admin_arns         = ["arn:aws:iam::111122223333:role/ops"]
    models_bucket      = true
    accelerator_groups = { inf2-48xl = { instance_type = "inf2.48xlarge" } }
  }
  assert {
    condition     = output.configure_kubectl == "aws eks update-kubeconfig --region us-west-2 --name llama2"
    error_message = "the command of the seed"
  }
  assert {
    condition     = join(" ", module.nodes.groups) == "inf2-48xl system"
    error_message = "an accelerator group that was asked for"
  }
}

# Values that are refused before anything is asked of AWS.
run "region_without_inf2" {
  command = plan
  variables {
    region = "eu-west-1"
  }
  expect_failures = [var.region]
}

run "zones_of_another_region" {
  command = plan
  variables {
    zones = ["use1-az6", "use1-az5"]
  }
  expect_failures = [var.zones]
}

run "zone_names_in_place_of_ids" {
  command = plan
  variables {
    zones = ["us-west-2a", "us-west-2b"]
  }
  expect_failures = [var.zones]
}

run "zones_without_inf2" {
  command = plan
  variables {
    zones = ["usw2-az2", "usw2-az3"]
  }
  expect_failures = [var.zones]
}

run "the_same_zone_twice" {
  command = plan
  variables {
    zones = ["usw2-az4", "usw2-az4"]
  }
  expect_failures = [var.zones]
}

run "one_zone" {
  command = plan
  variables {
    zones = ["usw2-az4"]
  }
  expect_failures = [var.zones]
}

run "network_too_small" {
  command = plan
  variables {
    vpc_cidr = "10.1.0.0/24"
  }
  expect_failures = [var.vpc_cidr]
}

run "network_that_begins_in_its_middle" {
  command = plan
  variables {
    vpc_cidr = "10.1.1.0/21"
  }
  expect_failures = [var.vpc_cidr]
}

run "no_network_at_all" {
  command = plan
  variables {
    vpc_cidr = "ten"
  }
  expect_failures = [var.vpc_cidr]
}

run "networks_that_overlap" {
  command = plan
  variables {
    vpc_cidr  = "100.64.8.0/21"
    pods_cidr = "100.64.0.0/16"
  }
  expect_failures = [var.pods_cidr]
}

run "pods_outside_the_shared_range" {
  command = plan
  variables {
    pods_cidr = "10.2.0.0/16"
  }
  expect_failures = [var.pods_cidr]
}

run "name_too_long_for_iam" {
  command = plan
  variables {
    name = "a-name-that-is-far-too-long-for-roles-of-iam"
  }
  expect_failures = [var.name]
}

run "name_with_capitals" {
  command = plan
  variables {
    name = "Llama-2"
  }
  expect_failures = [var.name]
}

run "old_kubernetes" {
  command = plan
  variables {
    cluster_version = "1.30"
  }
  expect_failures = [var.cluster_version]
}

run "the_whole_internet" {
  command = plan
  variables {
    api_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.api_cidrs]
}

run "half_of_the_internet" {
  command = plan
  variables {
    api_cidrs = ["128.0.0.0/1"]
  }
  expect_failures = [var.api_cidrs]
}

run "an_administrator_of_sts" {
  command = plan
  variables {
    admin_arns = ["arn:aws:sts::111122223333:assumed-role/ops/me"]
  }
  expect_failures = [var.admin_arns]
}

run "more_machines_than_the_most" {
  command = plan
  variables {
    system_size = { min = 3, max = 2, desired = 3 }
  }
  expect_failures = [var.system_size]
}

run "a_gpu_as_accelerator_group" {
  command = plan
  variables {
    accelerator_groups = { gpu = { instance_type = "g5.2xlarge" } }
  }
  expect_failures = [var.accelerator_groups]
}

run "an_addon_that_is_not_ours" {
  command = plan
  variables {
    addon_versions = { cilium = "v1" }
  }
  expect_failures = [var.addon_versions]
}

run "days_that_cloudwatch_does_not_know" {
  command = plan
  variables {
    log_retention_days = 31
  }
  expect_failures = [var.log_retention_days]
}

run "a_tag_by_which_cleanup_finds_ours" {
  command = plan
  variables {
    tags = { "puna-ground" = "other" }
  }
  expect_failures = [var.tags]
}
