"""The ground on AWS: deploy/terraform/install.sh and cleanup.sh. Standard library only, so that both run anywhere."""
