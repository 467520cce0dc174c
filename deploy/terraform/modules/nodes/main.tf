# Node groups that stay: the system's, and accelerator groups only where they are asked for.
data "aws_partition" "this" {}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

locals {
  system = {
    system = {
      instance_types = var.system_instance_types
      ami_type       = "AL2023_x86_64_STANDARD"
      size           = var.system_size
      disk_gib       = 100
      subnet_ids     = var.subnet_ids
      labels         = { workload = "system" }
      taints         = []
    }
  }
  accelerators = {
    for name, one in var.accelerator_groups : name => {
      instance_types = [one.instance_type]
      ami_type       = "AL2023_x86_64_NEURON"
      size           = { min = one.min, max = one.max, desired = one.desired }
      disk_gib       = one.disk_gib
      subnet_ids     = var.accelerator_subnets
      labels = {
        instanceType = startswith(one.instance_type, "inf2") ? "inferentia-inf2" : "trainium-trn1"
        # What the overlays select by, whoever brought the machine.
        provisionerType = "Karpenter"
      }
      taints = ["aws.amazon.com/neuron"]
    }
  }
  groups = merge(local.system, local.accelerators)
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-nodes"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = toset([
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonSSMManagedInstanceCore",
  ])
  role       = aws_iam_role.this.name
  policy_arn = "arn:${data.aws_partition.this.partition}:iam::aws:policy/${each.value}"
}

resource "aws_launch_template" "this" {
  for_each               = local.groups
  name                   = "${var.name}-${each.key}"
  update_default_version = true

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size           = each.value.disk_gib
      volume_type           = "gp3"
      encrypted             = "true"
      delete_on_termination = "true"
    }
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Default tags reach the template, not what is made from it.
  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]
    content {
      resource_type = tag_specifications.value
      tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })
    }
  }
}

resource "aws_eks_node_group" "this" {
  for_each        = local.groups
  cluster_name    = var.cluster_name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.this.arn
  subnet_ids      = each.value.subnet_ids
  ami_type        = each.value.ami_type
  instance_types  = each.value.instance_types
  capacity_type   = "ON_DEMAND"
  labels          = each.value.labels

  launch_template {
    id      = aws_launch_template.this[each.key].id
    version = aws_launch_template.this[each.key].latest_version
  }

  scaling_config {
    min_size     = each.value.size.min
    max_size     = each.value.size.max
    desired_size = each.value.size.desired
  }

  update_config {
    max_unavailable = 1
  }

  dynamic "taint" {
    for_each = each.value.taints
    content {
      key    = taint.value
      value  = "true"
      effect = "NO_SCHEDULE"
    }
  }

  lifecycle {
    # Scaled by whoever looks after the cluster; no reason to scale back.
    ignore_changes = [scaling_config[0].desired_size]
  }

  depends_on = [aws_iam_role_policy_attachment.this]
}
