"""GET /albums/{album} lists an album; POST /albums/{album}/photos hands out a URL to upload one photograph."""

import json
import os
import re
import uuid

import boto3
from boto3.dynamodb.conditions import Key
from botocore.config import Config

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE"])
BUCKET = os.environ["BUCKET"]
S3 = boto3.client("s3", config=Config(signature_version="s3v4"))
URL_SECONDS = 900
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}$")


def handler(event, context):
    album = event["pathParameters"]["album"]
    if not NAME.match(album):
        return answer(400, {"message": "That is no name for an album."})
    if event["requestContext"]["http"]["method"] == "POST":
        return upload_url(album, json.loads(event.get("body") or "{}"))
    return list_album(album)


def upload_url(album, asked):
    name = asked.get("name", "")
    if not NAME.match(name):
        return answer(400, {"message": "Give the photograph a name."})
    photo_id = str(uuid.uuid4())
    key = f"originals/{album}/{photo_id}/{name}"
    url = S3.generate_presigned_url(
        "put_object",
        Params={"Bucket": BUCKET, "Key": key, "ContentType": "image/jpeg"},
        ExpiresIn=URL_SECONDS,
    )
    return answer(201, {"id": photo_id, "url": url, "headers": {"Content-Type": "image/jpeg"}})


def list_album(album):
    found = TABLE.query(IndexName="by-album", KeyConditionExpression=Key("album").eq(album))
    return answer(200, {"album": album, "photos": [describe(item) for item in found["Items"]]})


def describe(item):
    return {
        "id": item["id"],
        "name": item["name"],
        "title": item["title"],
        "takenAt": item["takenAt"],
        "width": int(item["width"]),
        "height": int(item["height"]),
        "thumbnails": {
            size: S3.generate_presigned_url(
                "get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=URL_SECONDS
            )
            for size, key in item["thumbnails"].items()
        },
    }


def answer(status, body):
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
    }
