# EKS's own add-ons. Where one needs AWS, a role reaches its pods through pod identity.
data "aws_partition" "this" {}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

locals {
  settings = {
    # Without it the NetworkPolicies of the overlays would be accepted and not obeyed.
    vpc-cni = jsonencode({ enableNetworkPolicy = "true" })
  }
}

resource "aws_iam_role" "ebs_csi" {
  name               = "${var.name}-ebs-csi"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy_attachment" "ebs_csi" {
  role       = aws_iam_role.ebs_csi.name
  policy_arn = "arn:${data.aws_partition.this.partition}:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
}

resource "aws_eks_pod_identity_association" "ebs_csi" {
  cluster_name    = var.cluster_name
  namespace       = "kube-system"
  service_account = "ebs-csi-controller-sa"
  role_arn        = aws_iam_role.ebs_csi.arn
}

resource "aws_eks_addon" "this" {
  for_each             = toset(var.addons)
  cluster_name         = var.cluster_name
  addon_name           = each.value
  addon_version        = lookup(var.versions, each.value, null)
  configuration_values = lookup(local.settings, each.value, null)
  # A new cluster has some of them already, with other settings.
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  depends_on                  = [aws_eks_pod_identity_association.ebs_csi, aws_iam_role_policy_attachment.ebs_csi]
}
