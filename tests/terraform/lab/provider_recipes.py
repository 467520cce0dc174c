"""How the provider double makes, reads, tags and removes each type: as calls of botocore, written down as data.

A step is `operation Parameter=source …`; a source is an attribute, [attribute] as a list of one, 'text', or @function.
An identifier is a path into the first answer, or a text with {attributes}.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

UNKNOWN: Any = object()
Values = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Recipe:
    service: str
    create: str  # steps, with ; between them; the first may be repeated by no other
    id: str
    delete: str
    read: str
    computed: dict[str, str] = dataclasses.field(default_factory=dict)  # attribute: path into the first answer, or @function
    tag: str = ""  # a step; by the service where it is empty


EC2_TAG = "create_tags Resources=[id] Tags=@pairs"
RECIPES = {
    "aws_vpc": Recipe("ec2", "create_vpc CidrBlock=cidr_block", "Vpc.VpcId", "delete_vpc VpcId=id", "describe_vpcs VpcIds=[id]"),
    "aws_vpc_ipv4_cidr_block_association": Recipe(
        "ec2", "associate_vpc_cidr_block VpcId=vpc_id CidrBlock=cidr_block", "CidrBlockAssociation.AssociationId",
        "disassociate_vpc_cidr_block AssociationId=id", "describe_vpcs VpcIds=[vpc_id]"),
    "aws_internet_gateway": Recipe(
        "ec2", "create_internet_gateway ; attach_internet_gateway InternetGatewayId=id VpcId=vpc_id",
        "InternetGateway.InternetGatewayId",
        "detach_internet_gateway InternetGatewayId=id VpcId=vpc_id ; delete_internet_gateway InternetGatewayId=id",
        "describe_internet_gateways InternetGatewayIds=[id]"),
    "aws_subnet": Recipe(
        "ec2", "create_subnet VpcId=vpc_id CidrBlock=cidr_block AvailabilityZoneId=availability_zone_id", "Subnet.SubnetId",
        "delete_subnet SubnetId=id", "describe_subnets SubnetIds=[id]", {"availability_zone": "Subnet.AvailabilityZone"}),
    "aws_eip": Recipe(
        "ec2", "allocate_address Domain='vpc'", "AllocationId", "release_address AllocationId=id",
        "describe_addresses AllocationIds=[id]", {"public_ip": "PublicIp", "allocation_id": "AllocationId"}),
    "aws_nat_gateway": Recipe(
        "ec2", "create_nat_gateway SubnetId=subnet_id AllocationId=allocation_id", "NatGateway.NatGatewayId",
        "delete_nat_gateway NatGatewayId=id", "describe_nat_gateways NatGatewayIds=[id]"),
    "aws_route_table": Recipe(
        "ec2", "create_route_table VpcId=vpc_id", "RouteTable.RouteTableId", "delete_route_table RouteTableId=id",
        "describe_route_tables RouteTableIds=[id]"),
    "aws_route": Recipe(
        "ec2", "create_route RouteTableId=route_table_id DestinationCidrBlock=destination_cidr_block GatewayId=gateway_id "
        "NatGatewayId=nat_gateway_id", "r-{route_table_id}-{destination_cidr_block}",
        "delete_route RouteTableId=route_table_id DestinationCidrBlock=destination_cidr_block",
        "describe_route_tables RouteTableIds=[route_table_id]"),
    "aws_route_table_association": Recipe(
        "ec2", "associate_route_table RouteTableId=route_table_id SubnetId=subnet_id", "AssociationId",
        "disassociate_route_table AssociationId=id", "describe_route_tables RouteTableIds=[route_table_id]"),
    "aws_vpc_endpoint": Recipe(
        "ec2", "create_vpc_endpoint VpcId=vpc_id ServiceName=service_name VpcEndpointType=vpc_endpoint_type "
        "RouteTableIds=route_table_ids SubnetIds=subnet_ids SecurityGroupIds=security_group_ids "
        "PrivateDnsEnabled=private_dns_enabled", "VpcEndpoint.VpcEndpointId", "delete_vpc_endpoints VpcEndpointIds=[id]",
        "describe_vpc_endpoints VpcEndpointIds=[id]"),
    "aws_security_group": Recipe(
        "ec2", "create_security_group GroupName=name Description=description VpcId=vpc_id", "GroupId",
        "delete_security_group GroupId=id", "describe_security_groups GroupIds=[id]"),
    "aws_vpc_security_group_ingress_rule": Recipe(
        "ec2", "authorize_security_group_ingress GroupId=security_group_id IpPermissions=@permission",
        "SecurityGroupRules[0].SecurityGroupRuleId",
        "revoke_security_group_ingress GroupId=security_group_id SecurityGroupRuleIds=[id]",
        "describe_security_groups GroupIds=[security_group_id]",
        {"security_group_rule_id": "SecurityGroupRules[0].SecurityGroupRuleId"}, tag="-"),
    "aws_launch_template": Recipe(
        "ec2", "create_launch_template LaunchTemplateName=name LaunchTemplateData=@launch_data",
        "LaunchTemplate.LaunchTemplateId", "delete_launch_template LaunchTemplateId=id",
        "describe_launch_templates LaunchTemplateIds=[id]",
        {"latest_version": "LaunchTemplate.LatestVersionNumber", "default_version": "LaunchTemplate.DefaultVersionNumber"}),
    "aws_ec2_tag": Recipe("ec2", "create_tags Resources=[resource_id] Tags=@one_tag", "{resource_id},{key}",
                          "delete_tags Resources=[resource_id] Tags=@one_tag", "describe_tags"),
    "aws_iam_role": Recipe(
        "iam", "create_role RoleName=name AssumeRolePolicyDocument=assume_role_policy", "Role.RoleName",
        "delete_role RoleName=id", "get_role RoleName=id", {"arn": "Role.Arn", "unique_id": "Role.RoleId"},
        "tag_role RoleName=id Tags=@pairs"),
    "aws_iam_policy": Recipe(
        "iam", "create_policy PolicyName=name PolicyDocument=policy", "Policy.Arn", "delete_policy PolicyArn=id",
        "get_policy PolicyArn=id", {"arn": "Policy.Arn"}, "tag_policy PolicyArn=id Tags=@pairs"),
    "aws_iam_role_policy_attachment": Recipe(
        "iam", "attach_role_policy RoleName=role PolicyArn=policy_arn", "{role}-{policy_arn}",
        "detach_role_policy RoleName=role PolicyArn=policy_arn", "get_role RoleName=role"),
    "aws_iam_instance_profile": Recipe(
        "iam", "create_instance_profile InstanceProfileName=name ; add_role_to_instance_profile InstanceProfileName=name "
        "RoleName=role", "InstanceProfile.InstanceProfileName",
        "remove_role_from_instance_profile InstanceProfileName=id RoleName=role ; delete_instance_profile InstanceProfileName=id",
        "get_instance_profile InstanceProfileName=id", {"arn": "InstanceProfile.Arn"},
        "tag_instance_profile InstanceProfileName=id Tags=@pairs"),
    "aws_kms_key": Recipe(
        "kms", "create_key Description=description", "KeyMetadata.KeyId",
        "schedule_key_deletion KeyId=id PendingWindowInDays=deletion_window_in_days", "describe_key KeyId=id",
        {"arn": "KeyMetadata.Arn", "key_id": "KeyMetadata.KeyId"}, "tag_resource KeyId=id Tags=@key_tags"),
    "aws_cloudwatch_log_group": Recipe(
        "logs", "create_log_group logGroupName=name ; put_retention_policy logGroupName=name retentionInDays=retention_in_days",
        "{name}", "delete_log_group logGroupName=id", "describe_log_streams logGroupName=id",
        tag="tag_log_group logGroupName=id tags=tags_all"),
    "aws_eks_cluster": Recipe(
        "eks", "create_cluster name=name version=version roleArn=role_arn resourcesVpcConfig=@vpc_config "
        "accessConfig=@access_config encryptionConfig=@encryption logging=@logging tags=tags_all", "cluster.name",
        "delete_cluster name=id",
        "describe_cluster name=id",
        {"arn": "cluster.arn", "endpoint": "cluster.endpoint", "status": "cluster.status",
         "platform_version": "cluster.platformVersion", "identity": "[{oidc:[cluster.identity.oidc]}]",
         "certificate_authority": "[cluster.certificateAuthority]", "vpc_config": "@read_vpc_config"}, "-"),
    "aws_eks_access_entry": Recipe(
        "eks", "create_access_entry clusterName=cluster_name principalArn=principal_arn type=type",
        "{cluster_name}:{principal_arn}", "delete_access_entry clusterName=cluster_name principalArn=principal_arn",
        "describe_access_entry clusterName=cluster_name principalArn=principal_arn",
        {"access_entry_arn": "accessEntry.accessEntryArn"}, "-"),
    "aws_eks_access_policy_association": Recipe(
        "eks", "associate_access_policy clusterName=cluster_name principalArn=principal_arn policyArn=policy_arn "
        "accessScope=@scope", "{cluster_name}#{principal_arn}#{policy_arn}",
        "disassociate_access_policy clusterName=cluster_name principalArn=principal_arn policyArn=policy_arn",
        "list_associated_access_policies clusterName=cluster_name principalArn=principal_arn"),
    "aws_eks_node_group": Recipe(
        "eks", "create_nodegroup clusterName=cluster_name nodegroupName=node_group_name nodeRole=node_role_arn "
        "subnets=subnet_ids amiType=ami_type instanceTypes=instance_types capacityType=capacity_type labels=labels "
        "scalingConfig=@scaling taints=@taints launchTemplate=@template", "{cluster_name}:{node_group_name}",
        "delete_nodegroup clusterName=cluster_name nodegroupName=node_group_name",
        "describe_nodegroup clusterName=cluster_name nodegroupName=node_group_name",
        {"arn": "nodegroup.nodegroupArn", "status": "nodegroup.status"}, "-"),
    "aws_eks_addon": Recipe(
        "eks", "create_addon clusterName=cluster_name addonName=addon_name addonVersion=addon_version "
        "configurationValues=configuration_values", "{cluster_name}:{addon_name}",
        "delete_addon clusterName=cluster_name addonName=addon_name",
        "describe_addon clusterName=cluster_name addonName=addon_name",
        {"arn": "addon.addonArn", "addon_version": "addon.addonVersion"}, "-"),
    "aws_eks_pod_identity_association": Recipe(
        "eks", "create_pod_identity_association clusterName=cluster_name namespace=namespace serviceAccount=service_account "
        "roleArn=role_arn", "association.associationId",
        "delete_pod_identity_association clusterName=cluster_name associationId=id",
        "describe_pod_identity_association clusterName=cluster_name associationId=id",
        {"association_id": "association.associationId", "association_arn": "association.associationArn"}, "-"),
    "aws_sqs_queue": Recipe(
        "sqs", "create_queue QueueName=name", "QueueUrl", "delete_queue QueueUrl=id", "get_queue_attributes QueueUrl=id",
        {"url": "QueueUrl", "arn": "@queue_arn"}, "tag_queue QueueUrl=id Tags=tags_all"),
    "aws_sqs_queue_policy": Recipe("sqs", "set_queue_attributes QueueUrl=queue_url Attributes=@queue_policy", "{queue_url}", "",
                                   "get_queue_attributes QueueUrl=queue_url"),
    "aws_cloudwatch_event_rule": Recipe(
        "events", "put_rule Name=name EventPattern=event_pattern Description=description", "{name}", "delete_rule Name=id",
        "describe_rule Name=id", {"arn": "RuleArn"}, "tag_resource ResourceARN=arn Tags=@pairs"),
    "aws_cloudwatch_event_target": Recipe(
        "events", "put_targets Rule=rule Targets=@target", "{rule}-target", "remove_targets Rule=rule Ids=@target_ids",
        "describe_rule Name=rule"),
    "aws_ecr_repository": Recipe(
        "ecr", "create_repository repositoryName=name imageTagMutability=image_tag_mutability", "repository.repositoryName",
        "delete_repository repositoryName=id force=force_delete", "describe_repositories repositoryNames=[id]",
        {"arn": "repository.repositoryArn", "repository_url": "repository.repositoryUri",
         "registry_id": "repository.registryId"}, "tag_resource resourceArn=arn tags=@pairs"),
    "aws_ecr_lifecycle_policy": Recipe(
        "ecr", "put_lifecycle_policy repositoryName=repository lifecyclePolicyText=policy", "{repository}",
        "delete_lifecycle_policy repositoryName=repository", "get_lifecycle_policy repositoryName=repository"),
    "aws_s3_bucket": Recipe(
        "s3", "create_bucket Bucket=bucket CreateBucketConfiguration=@bucket_region", "{bucket}", "delete_bucket Bucket=id",
        "head_bucket Bucket=id", {"arn": "@bucket_arn"}, "put_bucket_tagging Bucket=id Tagging=@bucket_tags"),
    "aws_s3_bucket_public_access_block": Recipe(
        "s3", "put_public_access_block Bucket=bucket PublicAccessBlockConfiguration=@public_access", "{bucket}",
        "delete_public_access_block Bucket=bucket", "head_bucket Bucket=bucket"),
    "aws_s3_bucket_server_side_encryption_configuration": Recipe(
        "s3", "put_bucket_encryption Bucket=bucket ServerSideEncryptionConfiguration=@bucket_encryption", "{bucket}",
        "delete_bucket_encryption Bucket=bucket", "head_bucket Bucket=bucket"),
    "aws_s3_bucket_policy": Recipe("s3", "put_bucket_policy Bucket=bucket Policy=policy", "{bucket}",
                                   "delete_bucket_policy Bucket=bucket", "head_bucket Bucket=bucket"),
}
# A change of one of these makes a new thing; the package does not say it.
REPLACES = set("""name cluster_name node_group_name addon_name principal_arn policy_arn vpc_id subnet_id subnet_ids cidr_block
 availability_zone_id allocation_id route_table_id destination_cidr_block service_name role_arn node_role_arn ami_type
 instance_types disk_size capacity_type role rule url namespace service_account domain vpc_endpoint_type queue_url repository
 bucket resource_id key""".split())


def one(block: Any) -> Values:
    return (block or [{}])[0] or {}


def camel(values: Values, *fields: str) -> Values:
    """With names as EKS has them, without what is unset."""
    return {re.sub(r"_(\w)", lambda found: found[1].upper(), name): value for name, value in values.items()
            if value not in (None, []) and value is not UNKNOWN and (not fields or name in fields)}


def pairs(values: Values, key: str = "Key", value: str = "Value") -> list[Values]:
    return [{key: name, value: text} for name, text in (values.get("tags_all") or {}).items()]


def permission(values: Values) -> list[Values]:
    return [{"IpProtocol": values["ip_protocol"], "FromPort": values["from_port"], "ToPort": values["to_port"],
             "IpRanges": [{"CidrIp": values["cidr_ipv4"]}]}]


def encryption(values: Values) -> list[Values] | None:
    return [{"resources": each["resources"], "provider": camel(one(each["provider"]))}
            for each in values["encryption_config"] or []] or None


def public_access(values: Values) -> Values:
    return {"".join(part.capitalize() for part in name.split("_")): bool(values[name]) for name in (
        "block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")}


def read_vpc_config(values: Values, answer: Values) -> list[Values]:
    told = answer["cluster"]["resourcesVpcConfig"]
    return [{**one(values["vpc_config"]), "cluster_security_group_id": told.get("clusterSecurityGroupId"),
             "vpc_id": told.get("vpcId"), "public_access_cidrs": one(values["vpc_config"]).get("public_access_cidrs") or []}]


def functions(region: str, account: str) -> dict[str, Callable[..., Any]]:
    return {
        "pairs": pairs, "permission": permission, "encryption": encryption, "public_access": public_access,
        "read_vpc_config": read_vpc_config,
        "key_tags": lambda a: pairs(a, "TagKey", "TagValue"), "one_tag": lambda a: [{"Key": a["key"], "Value": a["value"]}],
        "launch_data": lambda a: {"MetadataOptions": {"HttpTokens": one(a["metadata_options"]).get("http_tokens") or "optional"}},
        "vpc_config": lambda a: camel(one(a["vpc_config"]), "subnet_ids", "endpoint_private_access", "endpoint_public_access",
                                      "public_access_cidrs"),
        "access_config": lambda a: camel(one(a["access_config"])) or None,
        "logging": lambda a: {"clusterLogging": [{"types": sorted(a["enabled_cluster_log_types"] or []), "enabled": True}]},
        "scope": lambda a: camel(one(a["access_scope"])), "scaling": lambda a: camel(one(a["scaling_config"])),
        "taints": lambda a: [camel(each) for each in a["taint"] or []] or None,
        "template": lambda a: camel(one(a["launch_template"]), "id", "version") or None,
        "queue_arn": lambda a, _: f"arn:aws:sqs:{region}:{account}:{a['name']}",
        "queue_policy": lambda a: {"Policy": a["policy"]},
        "target": lambda a: [{"Id": a["rule"] + "-target", "Arn": a["arn"]}], "target_ids": lambda a: [a["rule"] + "-target"],
        "bucket_region": lambda _: {"LocationConstraint": region} if region != "us-east-1" else None,
        "bucket_arn": lambda a, _: f"arn:aws:s3:::{a['bucket']}", "bucket_tags": lambda a: {"TagSet": pairs(a)},
        "bucket_encryption": lambda a: {"Rules": [{"ApplyServerSideEncryptionByDefault": {
            "SSEAlgorithm": one(one(a["rule"])["apply_server_side_encryption_by_default"])["sse_algorithm"]}}]},
    }
