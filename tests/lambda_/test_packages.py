"""Functions with packages that people use: a web framework behind a function URL, the SDK for Node.js in a layer."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from lambda_.support import Functions, package
from lambda_.test_urls import ask, make_public
from wheels import RUNTIME, installed

NODE_MODULES = Path(__file__).parent.parent / "clients" / "javascript" / "node_modules"


def with_packages(source: str, place: Path) -> bytes:
    """A package of `source` as app.py and all that was installed there."""
    buffer = io.BytesIO(package(source))
    with zipfile.ZipFile(buffer, "a") as archive:
        for file in sorted(place.rglob("*")):
            if file.is_file() and file.parts[-2] != "bin":
                archive.write(file, file.relative_to(place))
    return buffer.getvalue()


FASTAPI = """
from fastapi import FastAPI, Response
from mangum import Mangum
from pydantic import BaseModel

app = FastAPI()

class Item(BaseModel):
    name: str
    price: float

@app.post("/items/{number}", status_code=201)
def put(number: int, item: Item, response: Response):
    response.set_cookie("last", str(number))
    return {"number": number, "twice": item.price * 2}

handler = Mangum(app, lifespan="off")
"""


def test_fastapi(functions: Functions) -> None:
    """A web framework behind a function URL, with the compiled parts of its validation."""
    place = installed("fastapi", "mangum")
    functions.create("f", with_packages(FASTAPI, place), Runtime=RUNTIME, MemorySize=1769)
    make_public(functions)
    url = functions.client.create_function_url_config(FunctionName="f", AuthType="NONE")
    named = {"Content_Type": "application/json"}
    body = json.dumps({"name": "n", "price": 1.5}).encode()
    answer = ask(url["FunctionUrl"] + "items/4", "POST", body, **named)
    assert (answer.status, json.loads(answer.body)) == (201, {"number": 4, "twice": 3.0})
    assert answer.headers["set-cookie"].startswith("last=4")
    assert ask(url["FunctionUrl"] + "items/x", "POST", body, **named).status == 422


NODE_SDK = """
const { DynamoDBClient, CreateTableCommand, PutItemCommand, GetItemCommand } = require("@aws-sdk/client-dynamodb");
const client = new DynamoDBClient({});
exports.handler = async (event) => {
  await client.send(new CreateTableCommand({
    TableName: "orders", BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  }));
  await client.send(new PutItemCommand({ TableName: "orders", Item: { id: { S: event.id } } }));
  return (await client.send(new GetItemCommand({ TableName: "orders", Key: { id: { S: event.id } } }))).Item;
};
"""


@pytest.mark.skipif(
    shutil.which("node") is None or not (NODE_MODULES / "@aws-sdk" / "client-dynamodb").exists(),
    reason="there is no Node.js, or its SDK was not installed",
)
def test_the_sdk_for_node(functions: Functions) -> None:
    """From a layer, where AWS's runtimes look for modules, and with the role's credentials."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in NODE_MODULES.rglob("*"):
            inside = file.relative_to(NODE_MODULES)
            unused = {"dist-es", "dist-types", "client-s3", "client-lambda"} & {*inside.parts}
            if not unused and file.suffix in (".js", ".cjs", ".json"):
                archive.write(file, Path("nodejs/node_modules") / inside)
    layer = functions.client.publish_layer_version(
        LayerName="sdk", Content={"ZipFile": buffer.getvalue()}
    )
    functions.create(
        "f",
        package(None, app__js=NODE_SDK),
        Runtime="nodejs20.x",
        MemorySize=1769,
        Timeout=30,
        Layers=[layer["LayerVersionArn"]],
    )
    assert functions.invoke("f", {"id": "a"}) == {"id": {"S": "a"}}
