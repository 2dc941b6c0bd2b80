// The document client does what applications do with tables, unchanged but for the endpoint. Prints one JSON line.
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  ExecuteStatementCommand,
  GetCommand,
  NumberValue,
  paginateQuery,
  paginateScan,
  PutCommand,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";

const [endpoint, accessKeyId, secretAccessKey] = process.argv.slice(2);
const client = new DynamoDBClient({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId, secretAccessKey },
  maxAttempts: 1,
});
const documents = DynamoDBDocumentClient.from(client, {
  marshallOptions: { removeUndefinedValues: true, convertClassInstanceToMap: true },
  unmarshallOptions: { wrapNumbers: (text) => (text.length > 15 ? NumberValue.from(text) : Number(text)) },
});
const told = {};
const TableName = "documents";

await client.send(
  new CreateTableCommand({
    TableName,
    AttributeDefinitions: [
      { AttributeName: "p", AttributeType: "S" },
      { AttributeName: "s", AttributeType: "N" },
      { AttributeName: "g", AttributeType: "S" },
    ],
    KeySchema: [
      { AttributeName: "p", KeyType: "HASH" },
      { AttributeName: "s", KeyType: "RANGE" },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: "by_g",
        KeySchema: [{ AttributeName: "g", KeyType: "HASH" }],
        Projection: { ProjectionType: "KEYS_ONLY" },
      },
    ],
    BillingMode: "PAY_PER_REQUEST",
  }),
);

// Values of every kind come back as they went.
const Key = { p: "ü😀", s: 1.5 };
const Item = {
  ...Key,
  large: NumberValue.from("12345678901234567890123456789012345678"),
  big: 12345678901234567890n,
  bytes: new Uint8Array([0, 255]),
  no: false,
  nothing: null,
  left: undefined,
  words: new Set(["a", "b"]),
  numbers: new Set([1, 2.5]),
  map: { list: [1, "two", { three: 3 }], empty: {}, none: [] },
};
await documents.send(new PutCommand({ TableName, Item, ConditionExpression: "attribute_not_exists(p)" }));
const got = (await documents.send(new GetCommand({ TableName, Key, ConsistentRead: true }))).Item;
told.values = {
  large: got.large.toString(),
  big: got.big.toString(),
  bytes: [...got.bytes],
  no: got.no,
  nothing: got.nothing,
  left: "left" in got,
  words: [...got.words].sort(),
  numbers: [...got.numbers].sort(),
  map: got.map,
};

// Conditions, and what is told of the item that did not meet one.
try {
  await documents.send(
    new PutCommand({
      TableName,
      Item: Key,
      ConditionExpression: "attribute_not_exists(p)",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    }),
  );
} catch (error) {
  told.refused = [error.name, error.Item.s, error.Item.map.M.list.L.length];
}
const updated = await documents.send(
  new UpdateCommand({
    TableName,
    Key,
    UpdateExpression: "SET #m.#l[1] = :t, n = if_not_exists(n, :none) + :one ADD words :more REMOVE #m.#e",
    ConditionExpression: "contains(words, :a) AND size(#m.#l) = :three",
    ExpressionAttributeNames: { "#m": "map", "#l": "list", "#e": "empty" },
    ExpressionAttributeValues: { ":t": 2, ":none": 0, ":one": 1, ":more": new Set(["c"]), ":a": "a", ":three": 3 },
    ReturnValues: "ALL_NEW",
  }),
);
const { n, words, map } = updated.Attributes;
told.updated = { n, words: [...words].sort(), map };

// Batches, pages, an index.
const numbers = [...Array(60).keys()];
for (let start = 0; start < 60; start += 25) {
  const puts = numbers.slice(start, start + 25).map((number) => ({
    PutRequest: { Item: { p: "many", s: number, g: number % 2 ? "odd" : "even", text: "x".repeat(number) } },
  }));
  const { UnprocessedItems } = await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts } }));
  if (Object.keys(UnprocessedItems).length) throw new Error("unprocessed");
}
const keys = [3, 4, 99].map((s) => ({ p: "many", s }));
const batch = await documents.send(new BatchGetCommand({ RequestItems: { [TableName]: { Keys: keys } } }));
told.batch = batch.Responses[TableName].map((item) => item.s).sort();
told.pages = [];
for await (const page of paginateQuery(
  { client: documents, pageSize: 25 },
  {
    TableName,
    KeyConditionExpression: "p = :p AND s BETWEEN :low AND :high",
    FilterExpression: "NOT begins_with(g, :o)",
    ExpressionAttributeValues: { ":p": "many", ":low": 5, ":high": 58, ":o": "o" },
    ScanIndexForward: false,
  },
)) {
  told.pages.push([page.ScannedCount, page.Items.map((item) => item.s)[0]]);
}
told.index = (
  await documents.send(
    new QueryCommand({
      TableName,
      IndexName: "by_g",
      KeyConditionExpression: "g = :g",
      ExpressionAttributeValues: { ":g": "odd" },
      Select: "COUNT",
    }),
  )
).Count;
let scanned = 0;
for (const Segment of [0, 1, 2]) {
  for await (const page of paginateScan({ client: documents, pageSize: 7 }, { TableName, Segment, TotalSegments: 3 })) {
    scanned += page.Count;
  }
}
told.scanned = scanned;

// Transactions and statements.
await documents.send(
  new TransactWriteCommand({
    TransactItems: [
      { Put: { TableName, Item: { p: "t", s: 1, list: [] } } },
      { Delete: { TableName, Key: { p: "many", s: 0 } } },
      { ConditionCheck: { TableName, Key, ConditionExpression: "n = :one", ExpressionAttributeValues: { ":one": 1 } } },
    ],
  }),
);
const together = await documents.send(
  new TransactGetCommand({
    TransactItems: [
      { Get: { TableName, Key: { p: "t", s: 1 } } },
      { Get: { TableName, Key: { p: "many", s: 0 } } },
    ],
  }),
);
told.together = together.Responses.map((one) => one.Item ?? null);
try {
  await documents.send(
    new TransactWriteCommand({
      TransactItems: [
        { Put: { TableName, Item: { p: "t", s: 2 } } },
        {
          Delete: {
            TableName,
            Key: { p: "t", s: 1 },
            ConditionExpression: "attribute_exists(nothing)",
            ReturnValuesOnConditionCheckFailure: "ALL_OLD",
          },
        },
      ],
    }),
  );
} catch (error) {
  told.cancelled = [error.name, error.CancellationReasons.map((reason) => reason.Code)];
}
const statement = new ExecuteStatementCommand({
  Statement: `SELECT s, g FROM "${TableName}" WHERE p = ? AND s > ?`,
  Parameters: ["many", 57],
});
told.statement = (await documents.send(statement)).Items;
const gone = await documents.send(new DeleteCommand({ TableName, Key: { p: "t", s: 1 }, ReturnValues: "ALL_OLD" }));
told.gone = gone.Attributes;

console.log(JSON.stringify(told));
