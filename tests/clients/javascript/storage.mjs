// The AWS SDK for JavaScript with objects: uploads in parts, streams, presigned URLs and forms. Prints one JSON line.
import {
  CopyObjectCommand,
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";

const [endpoint, account, accessKeyId, secretAccessKey] = process.argv.slice(2);
const s3 = new S3Client({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId, secretAccessKey },
  maxAttempts: 1,
  forcePathStyle: true,
});
const Bucket = `storage-${account}`;
const told = {};
await s3.send(new CreateBucketCommand({ Bucket }));

const MIB = 1024 * 1024;
const sent = createHash("sha256");
async function* pieces() {
  for (let number = 0; number < 12; number++) {
    const piece = Buffer.alloc(MIB, number);
    sent.update(piece);
    yield piece;
  }
}
const upload = new Upload({
  client: s3,
  params: { Bucket, Key: "large", Body: Readable.from(pieces()), Metadata: { note: "x" } },
  partSize: 5 * MIB,
  queueSize: 3,
});
told.parts = (await upload.done()).ETag.slice(-3, -1);
const wanted = sent.digest("hex");
const back = createHash("sha256");
const large = await s3.send(new GetObjectCommand({ Bucket, Key: "large", ChecksumMode: "ENABLED" }));
for await (const piece of large.Body) back.update(piece);
told.same = back.digest("hex") === wanted;
const end = await s3.send(new GetObjectCommand({ Bucket, Key: "large", Range: "bytes=-3" }));
told.end = [...(await end.Body.transformToByteArray())];

await s3.send(new CopyObjectCommand({ Bucket, Key: "ä/c+d e", CopySource: `${Bucket}/large` }));
told.copied = (await s3.send(new HeadObjectCommand({ Bucket, Key: "ä/c+d e" }))).Metadata;

const put = new PutObjectCommand({ Bucket, Key: "put", Metadata: { a: "b c" }, StorageClass: "STANDARD_IA" });
const url = await getSignedUrl(s3, put, { expiresIn: 60 });
told.put = (await fetch(url, { method: "PUT", body: "by a URL" })).status;
told.changed = (await fetch(url.replace("b%20c", "c"), { method: "PUT", body: "x" })).status;
const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "put" }));
told.said = [head.Metadata, head.StorageClass, head.ContentLength];

const post = await createPresignedPost(s3, {
  Bucket,
  Key: "posted",
  Conditions: [["content-length-range", 1, 20], { "x-amz-meta-a": "b" }],
  Fields: { "x-amz-meta-a": "b" },
});
const form = (text) => {
  const data = new FormData();
  for (const [name, value] of Object.entries(post.fields)) data.append(name, value);
  data.append("file", new Blob([text]), "f.txt");
  return fetch(post.url, { method: "POST", body: data });
};
told.posted = [(await form("by a form")).status, (await form("x".repeat(21))).status];

told.listed = [];
for await (const page of paginateListObjectsV2({ client: s3, pageSize: 1 }, { Bucket }))
  told.listed.push(...page.Contents.map((entry) => entry.Key));
console.log(JSON.stringify(told));
