# A VPC over two or three zones: small private and public subnets, and large ones for nodes and pods in a second range.
locals {
  count         = length(var.zones)
  gateway_count = var.nat_gateway_per_zone ? local.count : 1
  # 10.1.0.0/21: private 10.1.0.0/24, 10.1.1.0/24, public 10.1.2.0/26, 10.1.2.64/26 for two zones.
  private_cidrs = [for i in range(local.count) : cidrsubnet(var.vpc_cidr, 3, i)]
  public_cidrs  = [for i in range(local.count) : cidrsubnet(cidrsubnet(var.vpc_cidr, 3, local.count), 2, i)]
  pod_cidrs     = [for i in range(local.count) : cidrsubnet(var.pods_cidr, local.count > 2 ? 2 : 1, i)]
}

resource "aws_vpc" "this" {
  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = { Name = var.name }
}

resource "aws_vpc_ipv4_cidr_block_association" "pods" {
  vpc_id     = aws_vpc.this.id
  cidr_block = var.pods_cidr
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_subnet" "public" {
  count                = local.count
  vpc_id               = aws_vpc.this.id
  availability_zone_id = var.zones[count.index]
  cidr_block           = local.public_cidrs[count.index]
  tags = {
    Name                                = "${var.name}-public-${var.zones[count.index]}"
    "kubernetes.io/role/elb"            = "1"
    "kubernetes.io/cluster/${var.name}" = "shared"
  }
}

resource "aws_subnet" "private" {
  count                = local.count
  vpc_id               = aws_vpc.this.id
  availability_zone_id = var.zones[count.index]
  cidr_block           = local.private_cidrs[count.index]
  tags = {
    Name                                = "${var.name}-private-${var.zones[count.index]}"
    "kubernetes.io/role/internal-elb"   = "1"
    "kubernetes.io/cluster/${var.name}" = "shared"
  }
}

resource "aws_subnet" "pods" {
  count                = local.count
  vpc_id               = aws_vpc_ipv4_cidr_block_association.pods.vpc_id
  availability_zone_id = var.zones[count.index]
  cidr_block           = local.pod_cidrs[count.index]
  tags = {
    Name                     = "${var.name}-pods-${var.zones[count.index]}"
    "karpenter.sh/discovery" = var.name
  }
}

resource "aws_eip" "nat" {
  count      = local.gateway_count
  domain     = "vpc"
  tags       = { Name = "${var.name}-nat-${var.zones[count.index]}" }
  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  count         = local.gateway_count
  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[count.index].id
  tags          = { Name = "${var.name}-${var.zones[count.index]}" }
  # Without a way out it would be made, and pass nothing on.
  depends_on = [aws_route.public]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-public" }
}

resource "aws_route" "public" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  count          = local.count
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table" "private" {
  count  = local.count
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-private-${var.zones[count.index]}" }
}

resource "aws_route" "private" {
  count                  = local.count
  route_table_id         = aws_route_table.private[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[min(count.index, local.gateway_count - 1)].id
}

resource "aws_route_table_association" "private" {
  count          = local.count
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[count.index].id
}

resource "aws_route_table_association" "pods" {
  count          = local.count
  subnet_id      = aws_subnet.pods[count.index].id
  route_table_id = aws_route_table.private[count.index].id
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = aws_route_table.private[*].id
  tags              = { Name = "${var.name}-s3" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "HTTPS from the VPC to the interface endpoints"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each          = toset([var.vpc_cidr, var.pods_cidr])
  security_group_id = aws_security_group.endpoints.id
  description       = "HTTPS from ${each.value}"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = var.endpoint_services
  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.endpoints.id]
  tags                = { Name = "${var.name}-${each.value}" }
}
