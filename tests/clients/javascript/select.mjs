// Queries over an object through the AWS SDK for JavaScript: records, statistics, and errors before and inside the
// stream. Prints one JSON line.
import { PutObjectCommand, S3Client, SelectObjectContentCommand } from "@aws-sdk/client-s3";

const [endpoint, Bucket, accessKeyId, secretAccessKey] = process.argv.slice(2);
const s3 = new S3Client({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId, secretAccessKey },
  forcePathStyle: true,
  maxAttempts: 1,
});
const told = {};

const select = async (Key, Expression, JSON) => {
  const answer = await s3.send(
    new SelectObjectContentCommand({
      Bucket,
      Key,
      Expression,
      ExpressionType: "SQL",
      InputSerialization: { CSV: { FileHeaderInfo: "USE" } },
      OutputSerialization: JSON ? { JSON: {} } : { CSV: {} },
      RequestProgress: { Enabled: true },
    }),
  );
  let text = "";
  const kinds = new Set();
  for await (const event of answer.Payload) {
    for (const kind of Object.keys(event)) kinds.add(kind);
    if (event.Records) text += Buffer.from(event.Records.Payload).toString();
    if (event.Stats) told.stats = event.Stats.Details;
  }
  return [text, [...kinds]];
};

await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: "name,age\nä,30\nbob,7\n" }));
told.some = await select("k", "SELECT s.name FROM S3Object s WHERE CAST(s.age AS INT) > 10", true);
try {
  await select("k", "SELECT nobody FROM S3Object");
} catch (error) {
  told.before = error.name;
}
await s3.send(new PutObjectCommand({ Bucket, Key: "later", Body: "n\n" + "1\n".repeat(100_000) + "x\n" }));
try {
  await select("later", "SELECT CAST(n AS INT) FROM S3Object");
} catch (error) {
  told.inside = error.name + " " + error.message;
}
console.log(JSON.stringify(told));
