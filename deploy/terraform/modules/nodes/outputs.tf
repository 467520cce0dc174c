output "groups" {
  description = "Names of the node groups."
  value       = keys(aws_eks_node_group.this)
}
