variable "name" {
  type = string
}

variable "region" {
  type = string
}

variable "zones" {
  description = "Availability zone ids; the first is the one for accelerator groups."
  type        = list(string)
}

variable "vpc_cidr" {
  type = string
}

variable "pods_cidr" {
  type = string
}

variable "nat_gateway_per_zone" {
  type = bool
}

variable "endpoint_services" {
  type = set(string)
}
