output "configure_kubectl" {
  description = "The command that lets kubectl reach the cluster."
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${module.cluster.name}"
}

output "name" {
  description = "Name of the cluster."
  value       = module.cluster.name
}

output "region" {
  value = var.region
}

output "account_id" {
  value = module.cluster.account_id
}

output "vpc_id" {
  value = module.network.vpc_id
}

output "zones" {
  description = "Zone ids of the subnets."
  value       = local.zones
}

output "registry" {
  description = "Where images are pushed to: REGISTRY/puna, REGISTRY/puna-gradio."
  value       = module.registry.registry
}

output "node_instance_profile" {
  description = "Instance profile of the machines that Karpenter makes."
  value       = module.karpenter.node_instance_profile
}

output "interruption_queue" {
  description = "Queue from which Karpenter reads that a machine will go."
  value       = module.karpenter.interruption_queue
}

output "models_bucket" {
  description = "Bucket for models; empty when there is none."
  value       = one(module.storage[*].bucket)
}
