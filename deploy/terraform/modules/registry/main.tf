# Repositories for the images: scanned, tags that never change, old ones dropped.
resource "aws_ecr_repository" "this" {
  for_each             = toset(["puna", "puna-gradio"])
  name                 = "${var.name}/${each.value}"
  image_tag_mutability = "IMMUTABLE"
  # Images can be built again: cleanup.sh gives everything back.
  force_delete = true

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each   = aws_ecr_repository.this
  repository = each.value.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Untagged images go after two weeks"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The last twenty stay"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 20 }
        action       = { type = "expire" }
      },
    ]
  })
}
