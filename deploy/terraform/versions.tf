terraform {
  required_version = ">= 1.10" # a lock file in S3 (backend.tf.example) is of 1.10, in OpenTofu too
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.46, < 7.0"
    }
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = local.tags
  }
}
