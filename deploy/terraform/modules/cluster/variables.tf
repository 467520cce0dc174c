variable "name" {
  type = string
}

variable "cluster_version" {
  type = string
}

variable "subnet_ids" {
  type = list(string)
}

variable "api_cidrs" {
  description = "Who reaches the public endpoint; nobody, and then there is none, when empty."
  type        = list(string)
}

variable "admin_arns" {
  type = list(string)
}

variable "log_retention_days" {
  type = number
}
