variable "name" {
  type = string
}

variable "cluster_name" {
  type = string
}

variable "addons" {
  type = list(string)
}

variable "versions" {
  description = "Versions by name of the add-on, where they are chosen."
  type        = map(string)
}
