output "node_instance_profile" {
  value = aws_iam_instance_profile.node.name
}

output "interruption_queue" {
  value = aws_sqs_queue.interruption.name
}
