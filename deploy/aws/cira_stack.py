"""CIRA on AWS: PostgreSQL, Valkey, S3, and Dagster with the REST API on ECS Fargate; runs are ECS tasks of their own.

What it costs nothing to be careful about is careful: nothing has a public address but the load balancer, everything is
encrypted, and the database and the documents outlive the stack.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from aws_cdk import Aws, CfnOutput, CfnParameter, Duration, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

API_PORT, UI_PORT, CODE_PORT = 8000, 3000, 4266
# The service `code` is found as code.cira.internal (deploy/ecs/workspace.yaml).
NAMESPACE = "cira.internal"
DAGSTER_HOME = "/opt/dagster/ecs"
RUN_CONTAINER = "run"
# EcsRunLauncher puts it on every task that it starts.
RUN_ID_TAG = "dagster/run_id"
# TLS 1.3 and 1.2 with forward secrecy.
TLS_POLICY = elb.SslPolicy.TLS13_RES
DEFINITIONS = "cira_pipeline.definitions"
ALL = "0.0.0.0"  # noqa: S104 - a container's port is reached from outside the container
MIGRATE = "sh -c 'cira migrate && dagster instance migrate'"
# Settings that are secrets: a field each in one entry of Secrets Manager, empty until a person fills them in.
SECRET_SETTINGS = ("CIRA_AZURE_OPENAI_API_KEY",)


@dataclass(frozen=True)
class Stores:
    database: rds.DatabaseInstance
    cache: elasticache.CfnReplicationGroup
    documents: s3.Bucket
    secrets: dict[str, ecs.Secret]


class CiraStack(Stack):
    """One installation. Parameters: the image, the certificate of the load balancer, the Azure deployment."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, description="CIRA: invoice URLs to validated, queryable records")
        self.image = CfnParameter(self, "Image", description="CIRA's image (deploy/Dockerfile) in your registry")
        self.certificate_arn = CfnParameter(self, "CertificateArn", description="ACM certificate of the load balancer")
        self.allowed_network = CfnParameter(
            self, "AllowedNetwork", default="10.0.0.0/8", description="network that may reach API and Dagster's UI"
        )
        self.database_ca = CfnParameter(
            self,
            "DatabaseCaFile",
            default="/etc/cira/certificates/rds.pem",
            description="certificate authorities of RDS in the image (deploy/certificates/README.md)",
        )
        self.dagster_ui_url = CfnParameter(
            self,
            "DagsterUiUrl",
            description="https://NAME:8443, where people open Dagster's UI; the certificate is for NAME",
        )
        self.azure_endpoint = CfnParameter(
            self, "AzureOpenaiEndpoint", default="", description="https://NAME.openai.azure.com; empty: no paid engine"
        )
        self.azure_deployment = CfnParameter(self, "AzureOpenaiDeployment", default="")

        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=1,
            flow_logs={"all": ec2.FlowLogOptions(traffic_type=ec2.FlowLogTrafficType.REJECT)},
        )
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        self.tasks_group = ec2.SecurityGroup(self, "Tasks", vpc=self.vpc, description="Tasks of CIRA")
        self.tasks_group.add_ingress_rule(self.tasks_group, ec2.Port.tcp(CODE_PORT), "webserver and daemon to code")
        self.stores = self._stores()
        self.log_group = logs.LogGroup(self, "Logs", retention=logs.RetentionDays.THREE_MONTHS)
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=self.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            default_cloud_map_namespace=ecs.CloudMapNamespaceOptions(name=NAMESPACE),
        )
        self.task_role = self._task_role("TaskRole")
        self.run_task = self._run_task()
        self.launcher_role = self._launcher_role()
        self.ui_role = self._ui_role()
        self._services()

    def _stores(self) -> Stores:
        database = rds.DatabaseInstance(
            self,
            "Database",
            engine=rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_17_5),
            instance_type=ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.MEDIUM),
            vpc=self.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            credentials=rds.Credentials.from_generated_secret(
                "cira", exclude_characters=" %+~`#$&*()|[]{}:;<>?!'/@\"\\"
            ),
            database_name="cira",
            allocated_storage=50,
            max_allocated_storage=500,
            storage_encrypted=True,
            multi_az=True,
            backup_retention=Duration.days(14),
            deletion_protection=True,
            removal_policy=RemovalPolicy.SNAPSHOT,
            auto_minor_version_upgrade=True,
            cloudwatch_logs_exports=["postgresql"],
        )
        database.connections.allow_default_port_from(self.tasks_group)
        documents = s3.Bucket(
            self,
            "Documents",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            versioned=True,
            removal_policy=RemovalPolicy.RETAIN,
            # Erasing a document deletes all its versions; this bounds what anything else leaves behind.
            lifecycle_rules=[
                s3.LifecycleRule(
                    noncurrent_version_expiration=Duration.days(30),
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                )
            ],
        )
        token = secretsmanager.Secret(
            self,
            "CacheToken",
            description="password of Valkey",
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=48, exclude_punctuation=True),
        ).secret_value
        cache = self._cache(token)
        return Stores(database, cache, documents, self._secrets(database, cache, token))

    def _cache(self, token: SecretValue) -> elasticache.CfnReplicationGroup:
        group = ec2.SecurityGroup(
            self, "CacheGroup", vpc=self.vpc, description="Cache of CIRA", allow_all_outbound=False
        )
        group.add_ingress_rule(self.tasks_group, ec2.Port.tcp(6379), "tasks to Valkey")
        subnets = elasticache.CfnSubnetGroup(
            self,
            "CacheSubnets",
            description="private subnets of CIRA",
            subnet_ids=[subnet.subnet_id for subnet in self.vpc.private_subnets],
        )
        return elasticache.CfnReplicationGroup(
            self,
            "Cache",
            replication_group_description="status cache, shared limits, breakers",
            engine="valkey",
            engine_version="8.0",
            cache_node_type="cache.t4g.small",
            num_node_groups=1,
            replicas_per_node_group=1,
            automatic_failover_enabled=True,
            multi_az_enabled=True,
            at_rest_encryption_enabled=True,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            cache_subnet_group_name=subnets.ref,
            security_group_ids=[group.security_group_id],
            auth_token=token.unsafe_unwrap(),
        )

    def _secrets(
        self, database: rds.DatabaseInstance, cache: elasticache.CfnReplicationGroup, token: SecretValue
    ) -> dict[str, ecs.Secret]:
        """Settings that every task gets from Secrets Manager. URLs of the stores hold their passwords."""
        if database.secret is None:
            raise ValueError("the database was given a password; one that AWS makes is wanted")
        password = database.secret.secret_value_from_json("password").unsafe_unwrap()
        address = f"cira:{password}@{database.db_instance_endpoint_address}:{database.db_instance_endpoint_port}/cira"
        verified = f"sslmode=verify-full&sslrootcert={self.database_ca.value_as_string}"
        options = f"{verified}&options=-csearch_path%3Dpublic%20-csynchronous_commit%3Doff"
        redis = f"{cache.attr_primary_end_point_address}:{cache.attr_primary_end_point_port}/0"
        made = secretsmanager.Secret(
            self,
            "Urls",
            description="PostgreSQL and Valkey as CIRA and Dagster need them",
            secret_object_value={
                "CIRA_POSTGRES_URL": SecretValue.unsafe_plain_text(f"postgresql://{address}?{verified}"),
                "DAGSTER_POSTGRES_URL": SecretValue.unsafe_plain_text(f"postgresql+psycopg2://{address}?{options}"),
                "CIRA_REDIS_URL": SecretValue.unsafe_plain_text(f"rediss://:{token.unsafe_unwrap()}@{redis}"),
            },
        )
        pepper = secretsmanager.Secret(
            self,
            "Pepper",
            description="what API keys are hashed with; without it no key is known any more",
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=48, exclude_punctuation=True),
            removal_policy=RemovalPolicy.RETAIN,
        )
        given = secretsmanager.Secret(
            self,
            "Settings",
            description="secret settings that people fill in",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(dict.fromkeys(SECRET_SETTINGS, "")), generate_string_key="unused"
            ),
        )
        return {
            **{
                name: ecs.Secret.from_secrets_manager(made, name)
                for name in ("CIRA_POSTGRES_URL", "DAGSTER_POSTGRES_URL", "CIRA_REDIS_URL")
            },
            "CIRA_API_KEY_PEPPER": ecs.Secret.from_secrets_manager(pepper),
            **{name: ecs.Secret.from_secrets_manager(given, name) for name in SECRET_SETTINGS},
        }

    def _task_role(self, name: str) -> iam.Role:
        """What CIRA itself may do: its documents, with their versions when one is erased."""
        role = iam.Role(self, name, assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
        # Versions too: to list and to delete them belongs to what CDK grants here.
        self.stores.documents.grant_read_write(role)
        # EcsRunLauncher looks its task definition up wherever Dagster's instance is loaded, in runs too.
        role.add_to_policy(iam.PolicyStatement(actions=["ecs:DescribeTaskDefinition"], resources=["*"]))
        return role

    def _run_task(self) -> ecs.FargateTaskDefinition:
        """The task of a run, made by the stack, so that nothing that runs may register task definitions."""
        task = ecs.FargateTaskDefinition(
            self,
            "run-task",
            family=f"{Aws.STACK_NAME}-run",
            cpu=2048,
            memory_limit_mib=8192,
            task_role=self.task_role,
        )
        self._container(task, RUN_CONTAINER, "dagster --version")
        return task

    def _launcher_role(self) -> iam.Role:
        """The daemon's: it starts tasks of the one definition that runs have, in this cluster, and stops them."""
        role = self._ui_role("LauncherRole")
        here = {"ArnEquals": {"ecs:cluster": self.cluster.cluster_arn}}
        family = f"arn:{Aws.PARTITION}:ecs:{Aws.REGION}:{Aws.ACCOUNT_ID}:task-definition/{self.run_task.family}:*"
        role.add_to_policy(iam.PolicyStatement(actions=["ecs:RunTask"], resources=[family], conditions=here))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["ecs:TagResource"],
                resources=[self._tasks],
                conditions={"StringEquals": {"ecs:CreateAction": "RunTask"}},
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.task_role.role_arn, self.run_task.obtain_execution_role().role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            )
        )
        return role

    def _ui_role(self, name: str = "UiRole") -> iam.Role:
        """The webserver's: it stops runs, for a person who terminates one. The daemon starts them."""
        role = self._task_role(name)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["ec2:DescribeNetworkInterfaces", "ecs:DescribeTasks", "ecs:ListTagsForResource"],
                resources=["*"],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["ecs:StopTask"],
                resources=[self._tasks],
                # Not the tasks of services.
                conditions={"StringLike": {f"aws:ResourceTag/{RUN_ID_TAG}": "*"}},
            )
        )
        return role

    @property
    def _tasks(self) -> str:
        """All tasks of this cluster."""
        where = f"{Aws.PARTITION}:ecs:{Aws.REGION}:{Aws.ACCOUNT_ID}"
        return f"arn:{where}:task/{self.cluster.cluster_name}/*"

    def _services(self) -> None:
        code = self._service(
            "code",
            f"dagster api grpc --module-name {DEFINITIONS} --location-name cira --host {ALL} --port {CODE_PORT}",
            cpu=1024,
            memory=4096,
            port=CODE_PORT,
            migrates=True,
        )
        code.enable_cloud_map(name="code")
        self._service(
            "daemon",
            f"dagster-daemon run --workspace {DAGSTER_HOME}/workspace.yaml",
            cpu=1024,
            memory=2048,
            role=self.launcher_role,
        )
        ui = self._service(
            "ui",
            f"python -m resources.webserver --workspace {DAGSTER_HOME}/workspace.yaml --host {ALL} --port {UI_PORT}",
            cpu=512,
            memory=2048,
            port=UI_PORT,
            role=self.ui_role,
        )
        api = self._service("api", f"cira api --host {ALL}", cpu=512, memory=2048, port=API_PORT, count=2)
        self._load_balancer(api, ui)

    def _service(
        self,
        name: str,
        command: str,
        *,
        cpu: int,
        memory: int,
        port: int | None = None,
        count: int = 1,
        migrates: bool = False,
        role: iam.Role | None = None,
    ) -> ecs.FargateService:
        """One service of CIRA's image; CPU in 1/1024, memory in MiB. `migrates`: the tables are made ready first."""
        task = ecs.FargateTaskDefinition(
            self, f"{name}-task", cpu=cpu, memory_limit_mib=memory, task_role=role or self.task_role
        )
        container = self._container(task, name, command)
        if port is not None:
            container.add_port_mappings(ecs.PortMapping(container_port=port))
        if migrates:
            first = self._container(task, "migrate", MIGRATE, essential=False)
            container.add_container_dependencies(
                ecs.ContainerDependency(container=first, condition=ecs.ContainerDependencyCondition.SUCCESS)
            )
        return ecs.FargateService(
            self,
            name,
            cluster=self.cluster,
            task_definition=task,
            desired_count=count,
            security_groups=[self.tasks_group],
            # One daemon, one code server: the old one goes before the new one comes.
            min_healthy_percent=100 if count > 1 else 0,
            max_healthy_percent=200 if count > 1 else 100,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )

    def _container(
        self, task: ecs.FargateTaskDefinition, name: str, command: str, *, essential: bool = True
    ) -> ecs.ContainerDefinition:
        return task.add_container(
            name,
            image=ecs.ContainerImage.from_registry(self.image.value_as_string),
            command=shlex.split(command),
            essential=essential,
            environment={
                # The variant of dagster.yaml that runs on ECS; the image's own is for Celery.
                "DAGSTER_HOME": DAGSTER_HOME,
                "DAGSTER_RUN_TASK": f"{Aws.STACK_NAME}-run",
                "DAGSTER_LOG_BUCKET": self.stores.documents.bucket_name,
                "CIRA_OBJECT_STORE": f"s3://{self.stores.documents.bucket_name}/objects",
                "CIRA_DAGSTER_UI_URL": self.dagster_ui_url.value_as_string,
                "CIRA_AZURE_OPENAI_ENDPOINT": self.azure_endpoint.value_as_string,
                "CIRA_AZURE_OPENAI_DEPLOYMENT": self.azure_deployment.value_as_string,
                "CIRA_BATCH_MAX_JOBS": "500",
            },
            secrets=self.stores.secrets,
            logging=ecs.LogDrivers.aws_logs(stream_prefix=name, log_group=self.log_group),
            linux_parameters=ecs.LinuxParameters(self, f"{name}-linux", init_process_enabled=True),
            stop_timeout=Duration.seconds(110),
        )

    def _load_balancer(self, api: ecs.FargateService, ui: ecs.FargateService) -> None:
        """TLS for the API on 443 and for Dagster's UI on 8443, inside the private network only."""
        balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=self.vpc,
            internet_facing=False,
            drop_invalid_header_fields=True,
            deletion_protection=True,
            idle_timeout=Duration.seconds(120),
        )
        certificate = acm.Certificate.from_certificate_arn(self, "Certificate", self.certificate_arn.value_as_string)
        allowed = ec2.Peer.ipv4(self.allowed_network.value_as_string)
        for name, service, port, listened, health in (
            # Not /readyz, which says whether work proceeds: ECS would replace a service that answers.
            ("Api", api, API_PORT, 443, "/healthz"),
            ("Ui", ui, UI_PORT, 8443, "/server_info"),
        ):
            listener = balancer.add_listener(
                name,
                port=listened,
                protocol=elb.ApplicationProtocol.HTTPS,
                certificates=[certificate],
                ssl_policy=TLS_POLICY,
                open=False,
            )
            listener.connections.allow_default_port_from(allowed)
            listener.add_targets(
                f"{name}Targets",
                port=port,
                protocol=elb.ApplicationProtocol.HTTP,
                targets=[service],
                health_check=elb.HealthCheck(path=health, interval=Duration.seconds(15), timeout=Duration.seconds(12)),
                deregistration_delay=Duration.seconds(30),
            )
        CfnOutput(self, "Address", value=balancer.load_balancer_dns_name)
