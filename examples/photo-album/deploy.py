"""Deploy the photo album with plain boto3: to pilvi, or unchanged to AWS.

    python deploy.py                # wherever AWS_ENDPOINT_URL, or your AWS configuration, points
    python deploy.py --album trip   # the name of the album on the page

Running it again updates what is there. Needs boto3, and npm for the Node.js function.
"""

import argparse
import json
import mimetypes
import time
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from packages import architecture, package, python_runtime

HERE = Path(__file__).parent
NAME = "photo-album"
TABLE = "photo-album"

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
LOGGING = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


class Deployment:
    def __init__(self, session=None, album="holiday", say=print):
        self.session = session or boto3.Session()
        self.album = album
        self.say = say
        self.region = self.session.region_name or "us-east-1"
        self.account = self.session.client("sts").get_caller_identity()["Account"]
        self.photos_bucket = f"{NAME}-photos-{self.account}"
        self.page_bucket = f"{NAME}-page-{self.account}"
        self.s3 = self.session.client("s3")
        self.iam = self.session.client("iam")
        self.functions = self.session.client("lambda")
        self.tables = self.session.client("dynamodb")
        self.apis = self.session.client("apigatewayv2")

    def deploy(self):
        """Everything, in the order in which things depend on each other. Gives the page's URL and the API's."""
        table_arn = self.make_table()
        self.make_bucket(self.photos_bucket)
        self.make_bucket(self.page_bucket)
        photos = f"arn:aws:s3:::{self.photos_bucket}"
        index = f"{table_arn}/index/by-album"
        album = self.make_function(
            "album",
            runtime=python_runtime(),
            handler="app.handler",
            may=[
                allow(["dynamodb:Query"], index),
                allow(["s3:PutObject"], f"{photos}/originals/*"),
                allow(["s3:GetObject"], f"{photos}/thumbnails/*"),
            ],
        )
        thumbnails = self.make_function(
            "thumbnails",
            runtime=python_runtime(),
            handler="app.handler",
            memory=512,
            timeout=60,
            may=[
                allow(["s3:GetObject"], f"{photos}/originals/*"),
                allow(["s3:PutObject"], f"{photos}/thumbnails/*"),
                allow(["dynamodb:PutItem"], table_arn),
            ],
        )
        stats = self.make_function(
            "stats",
            runtime="nodejs20.x",
            handler="index.handler",
            may=[allow(["dynamodb:Query"], index)],
        )
        self.notify(thumbnails, photos)
        api_url = self.make_api(
            {
                "GET /albums/{album}": album,
                "POST /albums/{album}/photos": album,
                "GET /stats": stats,
            }
        )
        page_url = self.publish_page(api_url)
        self.allow_uploads_from(page_url)
        return page_url, api_url

    # --- state

    def make_table(self):
        self.say("a DynamoDB table with an index by album and time")
        keys = {"id": "S", "album": "S", "takenAt": "S"}
        try:
            self.tables.create_table(
                TableName=TABLE,
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": kind} for name, kind in keys.items()
                ],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                GlobalSecondaryIndexes=[
                    {
                        "IndexName": "by-album",
                        "KeySchema": [
                            {"AttributeName": "album", "KeyType": "HASH"},
                            {"AttributeName": "takenAt", "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        except self.tables.exceptions.ResourceInUseException:
            pass
        self.tables.get_waiter("table_exists").wait(
            TableName=TABLE, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
        return self.tables.describe_table(TableName=TABLE)["Table"]["TableArn"]

    def make_bucket(self, name):
        self.say(f"the bucket {name}")
        where = {} if self.region == "us-east-1" else {"LocationConstraint": self.region}
        try:
            self.s3.create_bucket(
                Bucket=name, **({"CreateBucketConfiguration": where} if where else {})
            )
        except self.s3.exceptions.BucketAlreadyOwnedByYou:
            pass

    # --- functions

    def make_role(self, function, may):
        role = f"{NAME}-{function}"
        try:
            arn = self.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))[
                "Role"
            ]["Arn"]
        except self.iam.exceptions.EntityAlreadyExistsException:
            arn = self.iam.get_role(RoleName=role)["Role"]["Arn"]
        policy = {"Version": "2012-10-17", "Statement": may}
        self.iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(policy))
        self.iam.attach_role_policy(RoleName=role, PolicyArn=LOGGING)
        return arn

    def make_function(self, name, *, runtime, handler, may, memory=256, timeout=15):
        full_name = f"{NAME}-{name}"
        self.say(f"the function {full_name} ({runtime}) and its role")
        settings = {
            "FunctionName": full_name,
            "Runtime": runtime,
            "Handler": handler,
            "Role": self.make_role(name, may),
            "MemorySize": memory,
            "Timeout": timeout,
            "Environment": {"Variables": {"TABLE": TABLE, "BUCKET": self.photos_bucket}},
        }
        code = package(name)
        try:
            made = retried(
                lambda: self.functions.create_function(
                    **settings, Code={"ZipFile": code}, Architectures=[architecture()]
                )
            )
        except self.functions.exceptions.ResourceConflictException:
            updated = self.functions.get_waiter("function_updated_v2")
            self.functions.update_function_code(FunctionName=full_name, ZipFile=code)
            updated.wait(FunctionName=full_name, WaiterConfig={"Delay": 1})
            made = self.functions.update_function_configuration(**settings)
            updated.wait(FunctionName=full_name, WaiterConfig={"Delay": 1})
        self.functions.get_waiter("function_active_v2").wait(
            FunctionName=full_name, WaiterConfig={"Delay": 1}
        )
        return made["FunctionArn"]

    def permit(self, function_arn, statement, principal, source_arn):
        try:
            self.functions.add_permission(
                FunctionName=function_arn,
                StatementId=statement,
                Action="lambda:InvokeFunction",
                Principal=principal,
                SourceArn=source_arn,
            )
        except self.functions.exceptions.ResourceConflictException:
            pass

    def notify(self, function_arn, bucket_arn):
        self.say("new originals invoke the thumbnails function")
        self.permit(function_arn, "photographs", "s3.amazonaws.com", bucket_arn)
        only_originals = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "originals/"}]}}
        retried(
            lambda: self.s3.put_bucket_notification_configuration(
                Bucket=self.photos_bucket,
                NotificationConfiguration={
                    "LambdaFunctionConfigurations": [
                        {
                            "LambdaFunctionArn": function_arn,
                            "Events": ["s3:ObjectCreated:*"],
                            "Filter": only_originals,
                        }
                    ]
                },
            )
        )

    # --- the API and the page

    def make_api(self, routes):
        self.say("an HTTP API with CORS and three routes")
        known = [api for api in self.apis.get_apis()["Items"] if api["Name"] == NAME]
        cors = {
            "AllowOrigins": ["*"],
            "AllowMethods": ["GET", "POST"],
            "AllowHeaders": ["content-type"],
            "MaxAge": 600,
        }
        if known:
            api = known[0]
        else:
            api = self.apis.create_api(Name=NAME, ProtocolType="HTTP", CorsConfiguration=cors)
            self.apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
        api_id = api["ApiId"]
        made = {route["RouteKey"] for route in self.apis.get_routes(ApiId=api_id)["Items"]}
        for route, function_arn in routes.items():
            if route in made:
                continue
            integration = self.apis.create_integration(
                ApiId=api_id,
                IntegrationType="AWS_PROXY",
                IntegrationUri=function_arn,
                PayloadFormatVersion="2.0",
            )
            target = f"integrations/{integration['IntegrationId']}"
            self.apis.create_route(ApiId=api_id, RouteKey=route, Target=target)
            source = f"arn:aws:execute-api:{self.region}:{self.account}:{api_id}/*/*"
            self.permit(function_arn, f"api-{api_id}", "apigateway.amazonaws.com", source)
        return api["ApiEndpoint"]

    def publish_page(self, api_url):
        self.say("the page, readable by everyone")
        self.s3.delete_public_access_block(Bucket=self.page_bucket)
        readable = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": f"arn:aws:s3:::{self.page_bucket}/*",
                }
            ],
        }
        retried(
            lambda: self.s3.put_bucket_policy(Bucket=self.page_bucket, Policy=json.dumps(readable))
        )
        config = json.dumps({"api": api_url, "album": self.album}).encode()
        self.put_page("config.json", config)
        for path in sorted((HERE / "page").iterdir()):
            self.put_page(path.name, path.read_bytes())
        endpoint = self.s3.meta.endpoint_url
        if "amazonaws.com" in endpoint:
            return f"https://{self.page_bucket}.s3.{self.region}.amazonaws.com/index.html"
        return f"{endpoint}/{self.page_bucket}/index.html"

    def put_page(self, name, content):
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.s3.put_object(Bucket=self.page_bucket, Key=name, Body=content, ContentType=kind)

    def allow_uploads_from(self, page_url):
        origin = "/".join(page_url.split("/")[:3])
        self.s3.put_bucket_cors(
            Bucket=self.photos_bucket,
            CORSConfiguration={
                "CORSRules": [
                    {
                        "AllowedOrigins": [origin],
                        "AllowedMethods": ["GET", "PUT"],
                        "AllowedHeaders": ["*"],
                        "MaxAgeSeconds": 600,
                    }
                ]
            },
        )


def allow(actions, resource):
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def retried(call, seconds=30):
    """On AWS, roles and permissions take some seconds to be known everywhere."""
    waiting = {"InvalidParameterValueException", "InvalidArgument", "AccessDenied"}
    give_up = time.monotonic() + seconds
    while True:
        try:
            return call()
        except ClientError as error:
            if error.response["Error"]["Code"] not in waiting or time.monotonic() > give_up:
                raise
            time.sleep(2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--album", default="holiday")
    page, api = Deployment(album=parser.parse_args().album).deploy()
    print(f"The API:  {api}\nThe page: {page}")
