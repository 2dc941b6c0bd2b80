// GET /stats?album=NAME: how many photographs an album has, how large, from when to when. One Query.
import { DynamoDBClient, paginateQuery } from "@aws-sdk/client-dynamodb";

const client = new DynamoDBClient({});

export async function handler(event) {
  const album = event.queryStringParameters?.album ?? "";
  if (!album) return answer(400, { message: "Name an album: /stats?album=..." });
  const stats = { album, photos: 0, bytes: 0, first: null, last: null };
  const pages = paginateQuery(
    { client },
    {
      TableName: process.env.TABLE,
      IndexName: "by-album",
      KeyConditionExpression: "album = :album",
      ExpressionAttributeNames: { "#bytes": "bytes" },
      ExpressionAttributeValues: { ":album": { S: album } },
      ProjectionExpression: "takenAt, #bytes",
    },
  );
  for await (const page of pages) {
    for (const item of page.Items) {
      stats.photos += 1;
      stats.bytes += Number(item.bytes.N);
      stats.first ??= item.takenAt.S; // the index is ordered by takenAt
      stats.last = item.takenAt.S;
    }
  }
  return answer(200, stats);
}

function answer(statusCode, body) {
  return { statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
