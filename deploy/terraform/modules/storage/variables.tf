variable "name" {
  type = string
}

variable "cluster_name" {
  type = string
}
