"""For every photograph that is uploaded: three thumbnails and one row of metadata.

S3 may tell of an object more than once. The thumbnails are then made again, the same as before; the row is
written on the condition that it is not there, so a repeated event changes nothing.
"""

import io
import os
from datetime import datetime
from urllib.parse import unquote_plus

import boto3
from botocore.exceptions import ClientError
from PIL import Image, ImageOps

S3 = boto3.client("s3")
TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE"])
SIZES = {"small": 96, "medium": 240, "large": 480}
TITLE, TAKEN, EXIF = 0x010E, 0x9003, 0x8769


def handler(event, context):
    outcomes = [process(record["s3"]) for record in event["Records"]]
    return {"outcomes": outcomes}


def process(record):
    bucket, key = record["bucket"]["name"], unquote_plus(record["object"]["key"])
    _, album, photo_id, name = key.split("/", 3)
    original = S3.get_object(Bucket=bucket, Key=key)
    photo = Image.open(io.BytesIO(original["Body"].read()))
    exif = photo.getexif()
    taken = exif.get_ifd(EXIF).get(TAKEN)
    taken_at = datetime.strptime(taken, "%Y:%m:%d %H:%M:%S") if taken else original["LastModified"]
    thumbnails = {}
    for size, edge in SIZES.items():
        thumbnails[size] = f"thumbnails/{album}/{photo_id}/{size}.jpg"
        S3.put_object(
            Bucket=bucket,
            Key=thumbnails[size],
            Body=thumbnail(photo, edge),
            ContentType="image/jpeg",
        )
    row = {
        "id": photo_id,
        "album": album,
        "takenAt": taken_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "name": name,
        "title": str(exif.get(TITLE) or name),
        "width": photo.width,
        "height": photo.height,
        "bytes": record["object"]["size"],
        "thumbnails": thumbnails,
    }
    try:
        TABLE.put_item(Item=row, ConditionExpression="attribute_not_exists(id)")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        print(f"{key} was known already; nothing has changed")
        return "known"
    print(f"{key}: {photo.width} x {photo.height}, three thumbnails")
    return "added"


def thumbnail(photo, edge):
    """A JPEG whose longer side is `edge` pixels, turned as the camera was held."""
    small = ImageOps.exif_transpose(photo).convert("RGB")
    small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85)
    return out.getvalue()
