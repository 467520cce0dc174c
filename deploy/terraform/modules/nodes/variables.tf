variable "name" {
  type = string
}

variable "cluster_name" {
  type = string
}

variable "subnet_ids" {
  type = list(string)
}

variable "accelerator_subnets" {
  type = list(string)
}

variable "system_instance_types" {
  type = list(string)
}

variable "system_size" {
  type = object({ min = number, max = number, desired = number })
}

variable "accelerator_groups" {
  type = map(object({
    instance_type = string
    min           = number
    max           = number
    desired       = number
    disk_gib      = number
  }))
}

variable "tags" {
  description = "For the machines, their volumes and interfaces."
  type        = map(string)
}
