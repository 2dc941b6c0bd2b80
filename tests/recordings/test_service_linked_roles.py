"""Service-linked roles as AWS makes them: recorded for each of these services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from iam.refusals import refused

Make = Callable[..., Any]

DOMAIN = ".amazonaws.com"
ROLES = """
accountdiscovery.ssm AmazonSSM_AccountDiscovery AWSSystemsManagerAccountDiscoveryServicePolicy
acm CertificateManager CertificateManagerServiceRolePolicy
appmesh AppMesh AWSAppMeshServiceRolePolicy
autoscaling-plans AutoScalingPlans_EC2AutoScaling AWSAutoScalingPlansEC2AutoScalingPolicy
autoscaling AutoScaling AutoScalingServiceRolePolicy
backup Backup AWSBackupServiceLinkedRolePolicyForBackup
batch Batch BatchServiceRolePolicy
cassandra.application-autoscaling ApplicationAutoScaling_CassandraTable AWSApplicationAutoscalingCassandraTablePolicy
cks.kms KeyManagementServiceCustomKeyStores AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy
cloudtrail CloudTrail CloudTrailServiceRolePolicy
codestar-notifications CodeStarNotifications AWSCodeStarNotificationsServiceRolePolicy
config Config AWSConfigServiceRolePolicy
connect AmazonConnect AmazonConnectServiceLinkedRolePolicy
dms-fleet-advisor DMSFleetAdvisor AWSDMSFleetAdvisorServiceRolePolicy
dms DMSServerless AWSDMSServerlessServiceRolePolicy
docdb-elastic DocDB-Elastic AmazonDocDB-ElasticServiceRolePolicy
ec2-instance-connect Ec2InstanceConnect Ec2InstanceConnectEndpoint
ec2.application-autoscaling ApplicationAutoScaling_EC2SpotFleetRequest \
    AWSApplicationAutoscalingEC2SpotFleetRequestPolicy
ecr ECRTemplate ECRTemplateServiceRolePolicy
ecs ECS AmazonECSServiceRolePolicy
eks-connector AmazonEKSConnector AmazonEKSConnectorServiceRolePolicy
eks-fargate AmazonEKSForFargate AmazonEKSForFargateServiceRolePolicy
eks-nodegroup AmazonEKSNodegroup AWSServiceRoleForAmazonEKSNodegroup
eks AmazonEKS AmazonEKSServiceRolePolicy
elasticache ElastiCache ElastiCacheServiceRolePolicy
elasticbeanstalk ElasticBeanstalk AWSElasticBeanstalkServiceRolePolicy
elasticfilesystem AmazonElasticFileSystem AmazonElasticFileSystemServiceRolePolicy
elasticloadbalancing ElasticLoadBalancing AWSElasticLoadBalancingServiceRolePolicy
email.cognito-idp AmazonCognitoIdpEmailService AmazonCognitoIdpEmailServiceRolePolicy
emr-containers AmazonEMRContainers AmazonEMRContainersServiceRolePolicy
emrwal EMRWAL EMRDescribeClusterPolicyForEMRWAL
fis FIS AmazonFISServiceRolePolicy
grafana AmazonGrafana AmazonGrafanaServiceLinkedRolePolicy
imagebuilder ImageBuilder AWSServiceRoleForImageBuilder
iotmanagedintegrations IoTManagedIntegrations AWSIoTManagedIntegrationsRolePolicy
kafka Kafka KafkaServiceRolePolicy
kafkaconnect KafkaConnect KafkaConnectServiceRolePolicy
lakeformation LakeFormationDataAccess LakeFormationDataAccessServiceRolePolicy
lexv2 LexV2Bots AmazonLexV2BotPolicy
lightsail Lightsail LightsailExportAccess
m2 AWSM2 AWSM2ServicePolicy
memorydb MemoryDB MemoryDBServiceRolePolicy
mq AmazonMQ AmazonMQServiceRolePolicy
mrk.kms KeyManagementServiceMultiRegionKeys AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy
notifications AwsUserNotifications AWSUserNotificationsServiceLinkedRolePolicy
observability.aoss AmazonOpenSearchServerless AmazonOpenSearchServerlessServiceRolePolicy
opensearchservice AmazonOpenSearchService AmazonOpenSearchServiceRolePolicy
ops.apigateway APIGateway APIGatewayServiceRolePolicy
ops.emr-serverless AmazonEMRServerless AmazonEMRServerlessServiceRolePolicy
opsdatasync.ssm SystemsManagerOpsDataSync AWSSystemsManagerOpsDataSyncServiceRolePolicy
opsinsights.ssm AmazonSSM_OpsInsights AWSSSMOpsInsightsServiceRolePolicy
pullthroughcache.ecr ECRPullThroughCache AWSECRPullThroughCache_ServiceRolePolicy
ram ResourceAccessManager AWSResourceAccessManagerServiceRolePolicy
rds RDS AmazonRDSServiceRolePolicy
redshift Redshift AmazonRedshiftServiceLinkedRolePolicy
replication.cassandra KeyspacesReplication KeyspacesReplicationServiceRolePolicy
replication.ecr ECRReplication ECRReplicationServiceRolePolicy
repository.sync.codeconnections GitSync AWSGitSyncServiceRolePolicy
resource-explorer-2 ResourceExplorer AWSResourceExplorerServiceRolePolicy
rolesanywhere RolesAnywhere AWSRolesAnywhereServicePolicy
s3-outposts S3OnOutposts AWSS3OnOutpostsServiceRolePolicy
ses AmazonSES AmazonSESServiceRolePolicy
shield AWSShield AWSShieldServiceRolePolicy
ssm-incidents IncidentManager AWSIncidentManagerServiceRolePolicy
ssm-quicksetup SSMQuickSetup SSMQuickSetupRolePolicy
ssm AmazonSSM AmazonSSMServiceRolePolicy
sso SSO AWSSSOServiceRolePolicy
vpcorigin.cloudfront CloudFrontVPCOrigin AWSCloudFrontVPCOriginServiceRolePolicy
waf WAFLogging WAFLoggingServiceRolePolicy
wafv2 WAFV2Logging WAFV2LoggingServiceRolePolicy
"""
"""A service without its domain, its role's name behind "AWSServiceRoleFor", its one policy."""

DESCRIPTIONS = {
    "rds": "Allows Amazon RDS to manage AWS resources on your behalf",
    "ssm": "Provides access to AWS Resources managed or used by Amazon SSM.",
    "sso": "Service-linked role used by AWS SSO to manage AWS resources, including IAM roles, policies and SAML IdP on"
    " your behalf.",
}
SUFFIXED = {"autoscaling", "connect", "lexv2"}


def told_of(service: str, name: str, policy: str, account: str) -> dict[str, Any]:
    """A role as GetAccountAuthorizationDetails tells it, but for its id and dates."""
    path = f"/aws-service-role/{service}{DOMAIN}/"
    return {
        "Path": path,
        "RoleName": name,
        "Arn": f"arn:aws:iam::{account}:role{path}{name}",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service + DOMAIN},
                    "Action": "sts:AssumeRole",
                }
            ],
        },
        "InstanceProfileList": [],
        "RolePolicyList": [],
        "AttachedManagedPolicies": [
            {
                "PolicyName": policy,
                "PolicyArn": f"arn:aws:iam::aws:policy/aws-service-role/{policy}",
            }
        ],
        "RoleLastUsed": {},
    }


# With a suffix where AWS takes one, and refused where it takes none.
def test_roles_are_made_as_aws_makes_them(client: Make, account: str) -> None:
    iam = client("iam")
    expected: dict[str, dict[str, Any]] = {}
    for line in ROLES.split("\n")[1:-1]:
        service, short, policy = line.split()
        name = f"AWSServiceRoleFor{short}"
        iam.create_service_linked_role(AWSServiceName=service + DOMAIN)
        expected[name] = told_of(service, name, policy, account)
        suffixed = {"AWSServiceName": service + DOMAIN, "CustomSuffix": "mine"}
        if service in SUFFIXED:
            iam.create_service_linked_role(**suffixed)
            expected[f"{name}_mine"] = told_of(service, f"{name}_mine", policy, account)
        else:
            words = f"Custom suffix is not allowed for {service}{DOMAIN}"
            with refused("InvalidInput", words, 400):
                iam.create_service_linked_role(**suffixed)
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=["Role"])
    found = {role["RoleName"]: role for page in pages for role in page["RoleDetailList"]}
    for role in found.values():
        assert role.pop("RoleId")
        assert role.pop("CreateDate")
    assert found == expected


def test_some_of_them_are_described(client: Make) -> None:
    iam = client("iam")
    for service in ("rds", "ssm", "sso", "batch"):
        made = iam.create_service_linked_role(AWSServiceName=service + DOMAIN)["Role"]
        told = iam.get_role(RoleName=made["RoleName"])["Role"]
        assert told.get("Description") == DESCRIPTIONS.get(service)
        assert told["MaxSessionDuration"] == 3600
