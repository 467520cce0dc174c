output "registry" {
  # HOST/NAME: what all repositories begin with.
  value = trimsuffix(aws_ecr_repository.this["puna"].repository_url, "/puna")
}
