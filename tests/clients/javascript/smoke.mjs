// The AWS SDK for JavaScript does the main operations, unchanged but for the endpoint. Prints one JSON line.
import {
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const [endpoint, account, functionName] = process.argv.slice(2);
const config = {
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: account, secretAccessKey: "secret" },
  maxAttempts: 1,
};
const told = {};

const sts = new STSClient(config);
told.account = (await sts.send(new GetCallerIdentityCommand({}))).Account;

const tables = new DynamoDBClient(config);
await tables.send(
  new CreateTableCommand({
    TableName: "table",
    AttributeDefinitions: [
      { AttributeName: "p", AttributeType: "S" },
      { AttributeName: "s", AttributeType: "N" },
    ],
    KeySchema: [
      { AttributeName: "p", KeyType: "HASH" },
      { AttributeName: "s", KeyType: "RANGE" },
    ],
    BillingMode: "PAY_PER_REQUEST",
  }),
);
await waitUntilTableExists({ client: tables, maxWaitTime: 20, minDelay: 1 }, { TableName: "table" });
for (const number of [3, 1, 2]) {
  const item = { p: { S: "a" }, s: { N: `${number}` }, bytes: { B: new Uint8Array([number, 255]) } };
  await tables.send(new PutItemCommand({ TableName: "table", Item: item }));
}
const key = { p: { S: "a" }, s: { N: "2" } };
const got = await tables.send(new GetItemCommand({ TableName: "table", Key: key }));
told.bytes = [...got.Item.bytes.B];
const found = await tables.send(
  new QueryCommand({
    TableName: "table",
    KeyConditionExpression: "p = :p",
    ExpressionAttributeValues: { ":p": { S: "a" } },
  }),
);
told.order = found.Items.map((item) => item.s.N);

const s3 = new S3Client({ ...config, forcePathStyle: true });
const Bucket = `js-${account}`;
await s3.send(new CreateBucketCommand({ Bucket }));
await s3.send(
  new PutObjectCommand({ Bucket, Key: "a/ä b+c.txt", Body: "hello", Metadata: { colour: "blue" } }),
);
const object = await s3.send(new GetObjectCommand({ Bucket, Key: "a/ä b+c.txt" }));
told.body = await object.Body.transformToString();
told.metadata = object.Metadata;
told.length = (await s3.send(new HeadObjectCommand({ Bucket, Key: "a/ä b+c.txt" }))).ContentLength;
const listed = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "a/" }));
told.keys = listed.Contents.map((entry) => entry.Key);
const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "a/ä b+c.txt" }));
told.presigned = await (await fetch(url)).text();
try {
  await s3.send(new GetObjectCommand({ Bucket, Key: "nothing" }));
} catch (error) {
  told.error = error.name;
}

const functions = new LambdaClient(config);
const answer = await functions.send(
  new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify({ n: 20 }) }),
);
told.answer = JSON.parse(Buffer.from(answer.Payload).toString());

console.log(JSON.stringify(told));
