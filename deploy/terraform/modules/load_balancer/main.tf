# What the AWS load balancer controller needs of AWS: a role, which reaches its pods by pod identity. It may change only
# load balancers, target groups and security groups that carry this cluster's tag, and the rules of the nodes' group.
data "aws_partition" "this" {}

locals {
  arn       = "arn:${data.aws_partition.this.partition}"
  ec2       = "${local.arn}:ec2:${var.region}:*"
  elb       = "${local.arn}:elasticloadbalancing:${var.region}:*"
  ours      = "elbv2.k8s.aws/cluster"
  balancers = ["${local.elb}:loadbalancer/app/*/*", "${local.elb}:loadbalancer/net/*/*"]
  targets   = ["${local.elb}:targetgroup/*/*"]
  listeners = ["${local.elb}:listener/app/*/*/*", "${local.elb}:listener/net/*/*/*"]
  rules     = ["${local.elb}:listener-rule/app/*/*/*/*", "${local.elb}:listener-rule/net/*/*/*/*"]
  groups    = ["${local.ec2}:security-group/*"]
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "controller" {
  statement {
    sid = "Look"
    actions = [
      "ec2:DescribeAccountAttributes",
      "ec2:DescribeAddresses",
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeInstances",
      "ec2:DescribeInternetGateways",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets",
      "ec2:DescribeTags",
      "ec2:DescribeVpcPeeringConnections",
      "ec2:DescribeVpcs",
      "ec2:GetSecurityGroupsForVpc",
      "elasticloadbalancing:DescribeCapacityReservation",
      "elasticloadbalancing:DescribeListenerAttributes",
      "elasticloadbalancing:DescribeListenerCertificates",
      "elasticloadbalancing:DescribeListeners",
      "elasticloadbalancing:DescribeLoadBalancerAttributes",
      "elasticloadbalancing:DescribeLoadBalancers",
      "elasticloadbalancing:DescribeRules",
      "elasticloadbalancing:DescribeSSLPolicies",
      "elasticloadbalancing:DescribeTags",
      "elasticloadbalancing:DescribeTargetGroupAttributes",
      "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
      "elasticloadbalancing:DescribeTrustStores",
    ]
    resources = ["*"]
  }
  statement {
    sid       = "MakeTheServicesRoleOnce"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["${local.arn}:iam::*:role/aws-service-role/elasticloadbalancing.amazonaws.com/*"]
    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values   = ["elasticloadbalancing.amazonaws.com"]
    }
  }
  statement {
    sid       = "MakeOnlyWhatIsTaggedAsOurs"
    actions   = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
    resources = concat(local.balancers, local.targets)
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.ours}"
      values   = [var.cluster_name]
    }
  }
  statement {
    sid       = "TagWhileMaking"
    actions   = ["elasticloadbalancing:AddTags"]
    resources = concat(local.balancers, local.targets)
    condition {
      test     = "StringEquals"
      variable = "elasticloadbalancing:CreateAction"
      values   = ["CreateLoadBalancer", "CreateTargetGroup"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.ours}"
      values   = [var.cluster_name]
    }
  }
  statement {
    sid = "ChangeOurs"
    actions = [
      "elasticloadbalancing:AddTags",
      "elasticloadbalancing:DeleteLoadBalancer",
      "elasticloadbalancing:DeleteTargetGroup",
      "elasticloadbalancing:DeregisterTargets",
      "elasticloadbalancing:ModifyLoadBalancerAttributes",
      "elasticloadbalancing:ModifyTargetGroup",
      "elasticloadbalancing:ModifyTargetGroupAttributes",
      "elasticloadbalancing:RegisterTargets",
      "elasticloadbalancing:RemoveTags",
      "elasticloadbalancing:SetIpAddressType",
      "elasticloadbalancing:SetSecurityGroups",
      "elasticloadbalancing:SetSubnets",
    ]
    resources = concat(local.balancers, local.targets)
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.ours}"
      values   = [var.cluster_name]
    }
  }
  statement {
    # Listeners and their rules hang on a load balancer; AWS looks at their tags only when they have been made.
    sid = "Listeners"
    actions = [
      "elasticloadbalancing:AddListenerCertificates",
      "elasticloadbalancing:AddTags",
      "elasticloadbalancing:CreateListener",
      "elasticloadbalancing:CreateRule",
      "elasticloadbalancing:DeleteListener",
      "elasticloadbalancing:DeleteRule",
      "elasticloadbalancing:ModifyListener",
      "elasticloadbalancing:ModifyListenerAttributes",
      "elasticloadbalancing:ModifyRule",
      "elasticloadbalancing:RemoveListenerCertificates",
      "elasticloadbalancing:RemoveTags",
      "elasticloadbalancing:SetRulePriorities",
    ]
    resources = concat(local.listeners, local.rules)
  }
  statement {
    sid       = "ListenersOfOurs"
    actions   = ["elasticloadbalancing:CreateListener"]
    resources = local.balancers
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.ours}"
      values   = [var.cluster_name]
    }
  }
  statement {
    sid       = "MakeGroupsInAVpc"
    actions   = ["ec2:CreateSecurityGroup"]
    resources = ["${local.ec2}:vpc/*"]
  }
  statement {
    sid       = "MakeGroupsThatAreTaggedAsOurs"
    actions   = ["ec2:CreateSecurityGroup"]
    resources = local.groups
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.ours}"
      values   = [var.cluster_name]
    }
  }
  statement {
    sid       = "TagGroupsWhileMaking"
    actions   = ["ec2:CreateTags"]
    resources = local.groups
    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["CreateSecurityGroup"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.ours}"
      values   = [var.cluster_name]
    }
  }
  statement {
    sid = "ChangeOurGroups"
    actions = [
      "ec2:AuthorizeSecurityGroupIngress",
      "ec2:CreateTags",
      "ec2:DeleteSecurityGroup",
      "ec2:DeleteTags",
      "ec2:RevokeSecurityGroupIngress",
    ]
    resources = local.groups
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.ours}"
      values   = [var.cluster_name]
    }
  }
  statement {
    sid       = "LetBalancersReachTheNodes"
    actions   = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
    resources = local.groups
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/kubernetes.io/cluster/${var.cluster_name}"
      values   = ["owned"]
    }
  }
}

resource "aws_iam_policy" "controller" {
  name   = "${var.name}-load-balancer"
  policy = data.aws_iam_policy_document.controller.json
}

resource "aws_iam_role" "controller" {
  name               = "${var.name}-load-balancer"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy_attachment" "controller" {
  role       = aws_iam_role.controller.name
  policy_arn = aws_iam_policy.controller.arn
}

resource "aws_eks_pod_identity_association" "controller" {
  cluster_name    = var.cluster_name
  namespace       = "kube-system"
  service_account = "aws-load-balancer-controller"
  role_arn        = aws_iam_role.controller.arn
}
