# The ground of Puna on AWS, in layers: network, cluster, and what stands on both. install.sh applies them in this
# order, so that each layer's end is in the state before the next begins.
locals {
  tags = merge(var.tags, { Project = "puna", "puna-ground" = var.name })
  # Zone ids with Inf2, in the order of preference.
  inf2_zones = {
    us-east-1 = ["use1-az6", "use1-az5"]
    us-east-2 = ["use2-az3", "use2-az1"]
    us-west-2 = ["usw2-az4", "usw2-az1"]
  }
  zone_prefixes = {
    us-east-1 = "use1-az"
    us-east-2 = "use2-az"
    us-west-2 = "usw2-az"
  }
  zones  = length(var.zones) > 0 ? var.zones : lookup(local.inf2_zones, var.region, [])
  addons = ["aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni"]
}

module "network" {
  source               = "./modules/network"
  name                 = var.name
  region               = var.region
  zones                = local.zones
  vpc_cidr             = var.vpc_cidr
  pods_cidr            = var.pods_cidr
  nat_gateway_per_zone = var.nat_gateway_per_zone
  endpoint_services    = var.endpoint_services
}

module "cluster" {
  source             = "./modules/cluster"
  name               = var.name
  cluster_version    = var.cluster_version
  subnet_ids         = concat(module.network.private_subnet_ids, module.network.pod_subnet_ids)
  api_cidrs          = var.api_cidrs
  admin_arns         = var.admin_arns
  log_retention_days = var.log_retention_days
}

module "nodes" {
  source                = "./modules/nodes"
  name                  = var.name
  cluster_name          = module.cluster.name
  subnet_ids            = module.network.pod_subnet_ids
  accelerator_subnets   = module.network.accelerator_subnet_ids
  system_instance_types = var.system_instance_types
  system_size           = var.system_size
  accelerator_groups    = var.accelerator_groups
  tags                  = local.tags
}

module "karpenter" {
  source       = "./modules/karpenter"
  name         = var.name
  region       = var.region
  cluster_name = module.cluster.name
  cluster_arn  = module.cluster.arn
}

module "load_balancer" {
  source       = "./modules/load_balancer"
  name         = var.name
  region       = var.region
  cluster_name = module.cluster.name
}

module "addons" {
  source       = "./modules/addons"
  name         = var.name
  cluster_name = module.cluster.name
  addons       = local.addons
  versions     = var.addon_versions
  # Their pods need machines to become ready on.
  depends_on = [module.nodes]
}

module "registry" {
  source = "./modules/registry"
  name   = var.name
}

module "storage" {
  source       = "./modules/storage"
  count        = var.models_bucket ? 1 : 0
  name         = var.name
  cluster_name = module.cluster.name
}
