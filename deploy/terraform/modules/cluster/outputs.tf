output "name" {
  value = aws_eks_cluster.this.name
}

output "arn" {
  value = aws_eks_cluster.this.arn
}

output "account_id" {
  value = data.aws_caller_identity.this.account_id
}
