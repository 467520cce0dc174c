variable "name" {
  description = "Name of the cluster; every resource has it as prefix or tag. The overlays of deploy/kubernetes are told it by install.sh."
  type        = string
  default     = "llama2"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,28}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 30 small letters, digits and hyphens and begin with a letter: IAM roles (64) and S3 buckets (63) add to it."
  }
}

variable "region" {
  description = "AWS region: one where Inferentia2 is offered."
  type        = string
  default     = "us-west-2"
  validation {
    condition     = contains(keys(local.inf2_zones), var.region)
    error_message = "Inf2 zones are known for ${join(", ", keys(local.inf2_zones))} only, not for ${var.region}."
  }
}

variable "zones" {
  description = "Two or three availability zone ids (usw2-az4, not us-west-2d: names differ between accounts). Empty: the region's two zones with Inf2."
  type        = list(string)
  default     = []
  validation {
    condition     = length(var.zones) == 0 || contains([2, 3], length(var.zones)) && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones must be two or three different availability zone ids, or empty for the region's own."
  }
  validation {
    condition     = alltrue([for one in var.zones : startswith(one, lookup(local.zone_prefixes, var.region, "?"))])
    error_message = "zones must be zone ids of ${var.region} (${lookup(local.zone_prefixes, var.region, "?")}1, ...): ${join(", ", var.zones)} are not."
  }
  validation {
    condition     = length(var.zones) == 0 || length(setintersection(var.zones, lookup(local.inf2_zones, var.region, []))) > 0
    error_message = "none of the zones has Inf2; in ${var.region} it is in ${join(", ", lookup(local.inf2_zones, var.region, []))}."
  }
}

variable "vpc_cidr" {
  description = "Range of the VPC: load balancers, NAT gateways and the interfaces of the control plane."
  type        = string
  default     = "10.1.0.0/21"
  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 22, false)
    error_message = "vpc_cidr must be an IPv4 range of /16 to /22, such as 10.1.0.0/21: a smaller one has no room for the subnets."
  }
  validation {
    condition     = try(cidrsubnet(var.vpc_cidr, 0, 0) == var.vpc_cidr, false)
    error_message = "vpc_cidr must begin at its network address: ${try(cidrsubnet(var.vpc_cidr, 0, 0), "10.1.0.0/21")}, not ${var.vpc_cidr}."
  }
}

variable "pods_cidr" {
  description = "Second range of the VPC: nodes and pods, which need many addresses."
  type        = string
  default     = "100.64.0.0/16"
  validation {
    condition     = can(cidrhost(var.pods_cidr, 0)) && try(tonumber(split("/", var.pods_cidr)[1]) >= 16 && tonumber(split("/", var.pods_cidr)[1]) <= 20, false)
    error_message = "pods_cidr must be an IPv4 range of /16 to /20, such as 100.64.0.0/16: every pod takes an address."
  }
  validation {
    condition     = try(cidrsubnet("${cidrhost(var.pods_cidr, 0)}/10", 0, 0) == "100.64.0.0/10" && cidrsubnet(var.pods_cidr, 0, 0) == var.pods_cidr, false)
    error_message = "pods_cidr must lie in 100.64.0.0/10 and begin at its network address: AWS refuses a second private range beside some first ones."
  }
  validation {
    # Cut to the wider of both prefixes they are equal when they overlap.
    condition = try(length(distinct([
      for one in [var.vpc_cidr, var.pods_cidr] :
      cidrsubnet("${cidrhost(one, 0)}/${min(split("/", var.vpc_cidr)[1], split("/", var.pods_cidr)[1])}", 0, 0)
    ])) == 2, true)
    error_message = "pods_cidr (${var.pods_cidr}) overlaps vpc_cidr (${var.vpc_cidr})."
  }
}

variable "nat_gateway_per_zone" {
  description = "One NAT gateway in each zone, or one in all: cheaper, but a lost zone takes the others off the internet."
  type        = bool
  default     = true
}

variable "endpoint_services" {
  description = "AWS services that pods and nodes reach inside the VPC, without NAT. S3 is always there and costs nothing."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "sts"]
  validation {
    condition     = alltrue([for one in var.endpoint_services : can(regex("^[a-z0-9.-]+$", one))])
    error_message = "endpoint_services must be names as in com.amazonaws.REGION.NAME, such as ecr.api."
  }
}

variable "cluster_version" {
  description = "Kubernetes version of the control plane."
  type        = string
  default     = "1.34"
  validation {
    condition     = can(regex("^1\\.(3[3-9]|[4-9][0-9])$", var.cluster_version))
    error_message = "cluster_version must be 1.33 or later, as text: \"1.34\". Older ones have no Inferentia image on Amazon Linux 2023."
  }
}

variable "api_cidrs" {
  description = "Ranges that reach the API server from the internet, such as your own address with /32. Empty: only from inside the VPC."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for one in var.api_cidrs : can(cidrhost(one, 0)) && !can(regex(":", one))])
    error_message = "api_cidrs must be IPv4 ranges, such as 203.0.113.7/32."
  }
  validation {
    condition     = alltrue([for one in var.api_cidrs : try(tonumber(split("/", one)[1]) >= 16, true)])
    error_message = "api_cidrs must be /16 or smaller: the API server is not for the whole internet."
  }
}

variable "admin_arns" {
  description = "IAM roles or users that administrate the cluster, beside the one that makes it."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for one in var.admin_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", one))])
    error_message = "admin_arns must be ARNs of IAM roles or users: arn:aws:iam::123456789012:role/ops (not of an assumed role: sts)."
  }
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the control plane's logs."
  type        = number
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be a number that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545 or 731."
  }
}

variable "system_instance_types" {
  description = "Machines of the node group that runs Karpenter and the add-ons."
  type        = list(string)
  default     = ["m5.2xlarge"]
  validation {
    condition     = length(var.system_instance_types) > 0 && alltrue([for one in var.system_instance_types : can(regex("^[a-z][a-z0-9-]*[.][a-z0-9]+$", one))])
    error_message = "system_instance_types must name at least one instance type, such as m5.2xlarge."
  }
}

variable "system_size" {
  description = "Machines of the system node group."
  type        = object({ min = number, max = number, desired = number })
  default     = { min = 3, max = 8, desired = 3 }
  validation {
    condition     = var.system_size.min >= 1 && var.system_size.min <= var.system_size.desired && var.system_size.desired <= var.system_size.max
    error_message = "system_size must have 1 <= min <= desired <= max."
  }
}

variable "accelerator_groups" {
  description = "Node groups of Inferentia or Trainium machines that stay, by name. None by default: Karpenter brings machines when pods ask for them."
  type = map(object({
    instance_type = string
    min           = optional(number, 0)
    max           = optional(number, 2)
    desired       = optional(number, 0)
    disk_gib      = optional(number, 500)
  }))
  default = {}
  validation {
    condition     = alltrue([for one in values(var.accelerator_groups) : can(regex("^(inf2|trn1n?)[.]", one.instance_type))])
    error_message = "accelerator_groups are for inf2, trn1 and trn1n machines, such as inf2.48xlarge."
  }
  validation {
    condition     = alltrue([for one in values(var.accelerator_groups) : one.min >= 0 && one.min <= one.desired && one.desired <= one.max && one.max >= 1])
    error_message = "every accelerator group must have 0 <= min <= desired <= max and max >= 1."
  }
}

variable "addon_versions" {
  description = "Versions of EKS add-ons by name. What is not named gets the default of the cluster's version when it is made, and keeps it."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for one in keys(var.addon_versions) : contains(local.addons, one)])
    error_message = "addon_versions may name ${join(", ", local.addons)}."
  }
}

variable "models_bucket" {
  description = "Make an S3 bucket for models that pods of the namespace llama2 may read."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags for everything, beside the two by which cleanup.sh finds what is ours."
  type        = map(string)
  default     = {}
  validation {
    condition     = length(setintersection(keys(var.tags), ["puna-ground", "Project"])) == 0
    error_message = "tags must leave Project and puna-ground alone: cleanup.sh goes by them."
  }
}
