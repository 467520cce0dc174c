output "vpc_id" {
  value = aws_vpc.this.id
}

output "private_subnet_ids" {
  # With the ways out: what is put into a subnet must be able to reach AWS.
  value      = aws_subnet.private[*].id
  depends_on = [aws_route.private, aws_route_table_association.private]
}

output "pod_subnet_ids" {
  value      = aws_subnet.pods[*].id
  depends_on = [aws_route.private, aws_route_table_association.pods]
}

output "accelerator_subnet_ids" {
  description = "Pod subnets, the preferred zone alone: machines of one group speak to each other."
  value       = [aws_subnet.pods[0].id]
  depends_on  = [aws_route.private, aws_route_table_association.pods]
}
