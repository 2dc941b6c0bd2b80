"""Service-linked roles: which there are, and the tasks that delete them.

The roles are records like all others, under a path that nobody else may use; this tells what AWS makes them of. What is
not in the table is refused by name.
AWS: IAM User Guide, "Service-linked roles", "AWS services that work with IAM".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from pilvi.base.arn import Scope
from pilvi.base.entropy import Entropy
from pilvi.services.iam.records import Role, home_of, put_attachment
from pilvi.services.iam.rules import SERVICE_LINKED_PATH
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.collection import Collection

_DOMAIN = ".amazonaws.com"
_PREFIX = "AWSServiceRoleFor"
_SUFFIXED = frozenset({"autoscaling", "connect", "lexv2"})
"""Services that may have several of these roles."""

_DESCRIPTIONS = {
    "rds": "Allows Amazon RDS to manage AWS resources on your behalf",
    "ssm": "Provides access to AWS Resources managed or used by Amazon SSM.",
    "sso": "Service-linked role used by AWS SSO to manage AWS resources, including IAM roles, policies"
    " and SAML IdP on your behalf.",
}

_TABLE: dict[str, tuple[str, str]] = {
    "access-analyzer": ("AccessAnalyzer", "AccessAnalyzerServiceRolePolicy"),
    "accountdiscovery.ssm": (
        "AmazonSSM_AccountDiscovery",
        "AWSSystemsManagerAccountDiscoveryServicePolicy",
    ),
    "acm": ("CertificateManager", "CertificateManagerServiceRolePolicy"),
    "apidestinations.events": (
        "AmazonEventBridgeApiDestinations",
        "AmazonEventBridgeApiDestinationsServiceRolePolicy",
    ),
    "appmesh": ("AppMesh", "AWSAppMeshServiceRolePolicy"),
    "appsync": ("AppSync", "AWSAppSyncServiceRolePolicy"),
    "autoscaling": ("AutoScaling", "AutoScalingServiceRolePolicy"),
    "autoscaling-plans": (
        "AutoScalingPlans_EC2AutoScaling",
        "AWSAutoScalingPlansEC2AutoScalingPolicy",
    ),
    "backup": ("Backup", "AWSBackupServiceLinkedRolePolicyForBackup"),
    "batch": ("Batch", "BatchServiceRolePolicy"),
    "cassandra.application-autoscaling": (
        "ApplicationAutoScaling_CassandraTable",
        "AWSApplicationAutoscalingCassandraTablePolicy",
    ),
    "cks.kms": (
        "KeyManagementServiceCustomKeyStores",
        "AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy",
    ),
    "cloudtrail": ("CloudTrail", "CloudTrailServiceRolePolicy"),
    "codestar-notifications": (
        "CodeStarNotifications",
        "AWSCodeStarNotificationsServiceRolePolicy",
    ),
    "cognito-idp": ("AmazonCognitoIdp", "AmazonCognitoIdpServiceRolePolicy"),
    "config": ("Config", "AWSConfigServiceRolePolicy"),
    "connect": ("AmazonConnect", "AmazonConnectServiceLinkedRolePolicy"),
    "contributorinsights.dynamodb": (
        "DynamoDBCloudWatchContributorInsights",
        "DynamoDBCloudWatchContributorInsightsServiceRolePolicy",
    ),
    "delivery.logs": ("LogDelivery", "AWSServiceRoleForLogDeliveryPolicy"),
    "dms": ("DMSServerless", "AWSDMSServerlessServiceRolePolicy"),
    "dms-fleet-advisor": ("DMSFleetAdvisor", "AWSDMSFleetAdvisorServiceRolePolicy"),
    "docdb-elastic": ("DocDB-Elastic", "AmazonDocDB-ElasticServiceRolePolicy"),
    "dynamodb.application-autoscaling": (
        "ApplicationAutoScaling_DynamoDBTable",
        "AWSApplicationAutoscalingDynamoDBTablePolicy",
    ),
    "ec2-instance-connect": ("Ec2InstanceConnect", "Ec2InstanceConnectEndpoint"),
    "ec2.application-autoscaling": (
        "ApplicationAutoScaling_EC2SpotFleetRequest",
        "AWSApplicationAutoscalingEC2SpotFleetRequestPolicy",
    ),
    "ecr": ("ECRTemplate", "ECRTemplateServiceRolePolicy"),
    "ecs": ("ECS", "AmazonECSServiceRolePolicy"),
    "ecs.application-autoscaling": (
        "ApplicationAutoScaling_ECSService",
        "AWSApplicationAutoscalingECSServicePolicy",
    ),
    "eks": ("AmazonEKS", "AmazonEKSServiceRolePolicy"),
    "eks-connector": ("AmazonEKSConnector", "AmazonEKSConnectorServiceRolePolicy"),
    "eks-fargate": ("AmazonEKSForFargate", "AmazonEKSForFargateServiceRolePolicy"),
    "eks-nodegroup": ("AmazonEKSNodegroup", "AWSServiceRoleForAmazonEKSNodegroup"),
    "elasticache": ("ElastiCache", "ElastiCacheServiceRolePolicy"),
    "elasticbeanstalk": ("ElasticBeanstalk", "AWSElasticBeanstalkServiceRolePolicy"),
    "elasticfilesystem": ("AmazonElasticFileSystem", "AmazonElasticFileSystemServiceRolePolicy"),
    "elasticloadbalancing": ("ElasticLoadBalancing", "AWSElasticLoadBalancingServiceRolePolicy"),
    "email.cognito-idp": ("AmazonCognitoIdpEmailService", "AmazonCognitoIdpEmailServiceRolePolicy"),
    "emr-containers": ("AmazonEMRContainers", "AmazonEMRContainersServiceRolePolicy"),
    "emrwal": ("EMRWAL", "EMRDescribeClusterPolicyForEMRWAL"),
    "es": ("AmazonElasticsearchService", "AmazonElasticsearchServiceRolePolicy"),
    "events": ("CloudWatchEvents", "CloudWatchEventsServiceRolePolicy"),
    "fis": ("FIS", "AmazonFISServiceRolePolicy"),
    "fsx": ("AmazonFSx", "AmazonFSxServiceRolePolicy"),
    "globalaccelerator": ("GlobalAccelerator", "AWSGlobalAcceleratorSLRPolicy"),
    "grafana": ("AmazonGrafana", "AmazonGrafanaServiceLinkedRolePolicy"),
    "guardduty": ("AmazonGuardDuty", "AmazonGuardDutyServiceRolePolicy"),
    "imagebuilder": ("ImageBuilder", "AWSServiceRoleForImageBuilder"),
    "inspector2": ("AmazonInspector2", "AmazonInspector2ServiceRolePolicy"),
    "iotmanagedintegrations": ("IoTManagedIntegrations", "AWSIoTManagedIntegrationsRolePolicy"),
    "kafka": ("Kafka", "KafkaServiceRolePolicy"),
    "kafkaconnect": ("KafkaConnect", "KafkaConnectServiceRolePolicy"),
    "kinesisreplication.dynamodb": (
        "DynamoDBKinesisDataStreamsReplication",
        "DynamoDBKinesisReplicationServiceRolePolicy",
    ),
    "lakeformation": ("LakeFormationDataAccess", "LakeFormationDataAccessServiceRolePolicy"),
    "lambda": ("Lambda", "AWSLambdaServiceRolePolicy"),
    "lambda.application-autoscaling": (
        "ApplicationAutoScaling_LambdaConcurrency",
        "AWSApplicationAutoscalingLambdaConcurrencyPolicy",
    ),
    "lexv2": ("LexV2Bots", "AmazonLexV2BotPolicy"),
    "lightsail": ("Lightsail", "LightsailExportAccess"),
    "logger.cloudfront": ("CloudFrontLogger", "AWSCloudFrontLogger"),
    "m2": ("AWSM2", "AWSM2ServicePolicy"),
    "macie": ("AmazonMacie", "AmazonMacieServiceRolePolicy"),
    "memorydb": ("MemoryDB", "MemoryDBServiceRolePolicy"),
    "mq": ("AmazonMQ", "AmazonMQServiceRolePolicy"),
    "mrk.kms": (
        "KeyManagementServiceMultiRegionKeys",
        "AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy",
    ),
    "notifications": ("AwsUserNotifications", "AWSUserNotificationsServiceLinkedRolePolicy"),
    "observability.aoss": (
        "AmazonOpenSearchServerless",
        "AmazonOpenSearchServerlessServiceRolePolicy",
    ),
    "opensearchservice": ("AmazonOpenSearchService", "AmazonOpenSearchServiceRolePolicy"),
    "ops.apigateway": ("APIGateway", "APIGatewayServiceRolePolicy"),
    "ops.emr-serverless": ("AmazonEMRServerless", "AmazonEMRServerlessServiceRolePolicy"),
    "opsdatasync.ssm": (
        "SystemsManagerOpsDataSync",
        "AWSSystemsManagerOpsDataSyncServiceRolePolicy",
    ),
    "opsinsights.ssm": ("AmazonSSM_OpsInsights", "AWSSSMOpsInsightsServiceRolePolicy"),
    "organizations": ("Organizations", "AWSOrganizationsServiceTrustPolicy"),
    "pullthroughcache.ecr": ("ECRPullThroughCache", "AWSECRPullThroughCache_ServiceRolePolicy"),
    "ram": ("ResourceAccessManager", "AWSResourceAccessManagerServiceRolePolicy"),
    "rds": ("RDS", "AmazonRDSServiceRolePolicy"),
    "rds.application-autoscaling": (
        "ApplicationAutoScaling_RDSCluster",
        "AWSApplicationAutoscalingRDSClusterPolicy",
    ),
    "redshift": ("Redshift", "AmazonRedshiftServiceLinkedRolePolicy"),
    "replication.cassandra": ("KeyspacesReplication", "KeyspacesReplicationServiceRolePolicy"),
    "replication.dynamodb": ("DynamoDBReplication", "DynamoDBReplicationServiceRolePolicy"),
    "replication.ecr": ("ECRReplication", "ECRReplicationServiceRolePolicy"),
    "replicator.lambda": ("LambdaReplicator", "AWSLambdaReplicator"),
    "repository.sync.codeconnections": ("GitSync", "AWSGitSyncServiceRolePolicy"),
    "resource-explorer-2": ("ResourceExplorer", "AWSResourceExplorerServiceRolePolicy"),
    "rolesanywhere": ("RolesAnywhere", "AWSRolesAnywhereServicePolicy"),
    "s3-outposts": ("S3OnOutposts", "AWSS3OnOutpostsServiceRolePolicy"),
    "securityhub": ("SecurityHub", "AWSSecurityHubServiceRolePolicy"),
    "ses": ("AmazonSES", "AmazonSESServiceRolePolicy"),
    "shield": ("AWSShield", "AWSShieldServiceRolePolicy"),
    "spot": ("EC2Spot", "AWSEC2SpotServiceRolePolicy"),
    "spotfleet": ("EC2SpotFleet", "AWSEC2SpotFleetServiceRolePolicy"),
    "ssm": ("AmazonSSM", "AmazonSSMServiceRolePolicy"),
    "ssm-incidents": ("IncidentManager", "AWSIncidentManagerServiceRolePolicy"),
    "ssm-quicksetup": ("SSMQuickSetup", "SSMQuickSetupRolePolicy"),
    "sso": ("SSO", "AWSSSOServiceRolePolicy"),
    "storage-lens.s3": ("S3StorageLens", "S3StorageLensServiceRolePolicy"),
    "support": ("Support", "AWSSupportServiceRolePolicy"),
    "transitgateway": ("VPCTransitGateway", "AWSVPCTransitGatewayServiceRolePolicy"),
    "trustedadvisor": ("TrustedAdvisor", "AWSTrustedAdvisorServiceRolePolicy"),
    "vpcorigin.cloudfront": ("CloudFrontVPCOrigin", "AWSCloudFrontVPCOriginServiceRolePolicy"),
    "waf": ("WAFLogging", "WAFLoggingServiceRolePolicy"),
    "wafv2": ("WAFV2Logging", "WAFV2LoggingServiceRolePolicy"),
}
"""A service's name without its domain -> the role's name behind its prefix, and the one policy that it has."""


class Linked(NamedTuple):
    """What a service's role is made of. `policy`: the name of one of AWS's, under the path of these roles."""

    service: str
    name: str
    policy: str
    description: str | None
    takes_suffix: bool

    @property
    def path(self) -> str:
        return f"{SERVICE_LINKED_PATH}{self.service}/"

    def policy_arn(self, partition: str) -> str:
        return f"arn:{partition}:iam::aws:policy{SERVICE_LINKED_PATH}{self.policy}"

    def role_name(self, suffix: str | None) -> str:
        return f"{self.name}_{suffix}" if suffix else self.name

    @property
    def trust(self) -> str:
        return (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":'
            f'{{"Service":"{self.service}"}},"Action":"sts:AssumeRole"}}]}}'
        )


def find_linked(service: str) -> Linked | None:
    """`service`: "batch.amazonaws.com"."""
    short = service.removesuffix(_DOMAIN)
    found = _TABLE.get(short) if short != service else None
    if found is None:
        return None
    name, policy = found
    return Linked(service, f"{_PREFIX}{name}", policy, _DESCRIPTIONS.get(short), short in _SUFFIXED)


def all_linked() -> Iterator[Linked]:
    for short in _TABLE:
        linked = find_linked(short + _DOMAIN)
        assert linked is not None
        yield linked


def put_linked(
    tx: Transaction,
    scope: Scope,
    linked: Linked,
    name: str,
    description: str | None,
    *,
    entropy: Entropy,
    now_ms: int,
) -> Role:
    """Add the role, with the trust and the policy that AWS gives it."""
    role = Role(
        name=name,
        path=linked.path,
        id="AROA" + entropy.upper(17),
        created_at_ms=now_ms,
        trust=linked.trust,
        description=description,
    )
    put_attachment(tx, scope, "role", role, linked.policy_arn(scope.partition))
    return role


# --- deletions


class Deletion(msgspec.Struct, kw_only=True):
    """A task that deletes one of these roles. `status`: as AWS names it. `role_id`: of the role that was meant."""

    id: str
    service: str
    role: str
    role_id: str
    asked_at_ms: int
    status: str = "NOT_STARTED"
    reason: str = ""

    @property
    def task_id(self) -> str:
        return f"task{SERVICE_LINKED_PATH}{self.service}/{self.role}/{self.id}"

    @property
    def over(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED")


DELETIONS = Collection(
    "iam.service_linked_deletion", Deletion, key=lambda task: (task.role.lower(), task.id)
)


def find_deletion(at: Snapshot, scope: Scope, task_id: str) -> Deletion | None:
    """None also for an id of another form."""
    role, _, number = task_id.rpartition("/")
    found = DELETIONS.find(at, home_of(scope), role.rpartition("/")[2].lower(), number)
    return found if found is not None and found.task_id == task_id else None


def find_open_deletion(at: Snapshot, scope: Scope, role: str) -> Deletion | None:
    """The one of a role's that is not over."""
    tasks = DELETIONS.scan(at, home_of(scope), (role.lower(),))
    return next((task for task in tasks if not task.over), None)
