"""Start pilvi, deploy the photo album to it, run it on real photographs, and show what happens.

make demo         leaves the server running until Ctrl-C
make demo-check   on fresh data; verifies every thumbnail's pixels, every row, and that the roles may no more than
                  they need; and ends
"""

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import boto3
from deploy import NAME, TABLE, Deployment
from least import compare_roles
from PIL import Image, ImageChops, ImageOps, ImageStat

HERE = Path(__file__).parent
PHOTOS = sorted((HERE / "photos").glob("*.jpg"))
ALBUM = "holiday"
SIZES = {"small": 96, "medium": 240, "large": 480}
PATIENCE_S = 60


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="verify, then end")
    check = parser.parse_args().check
    if check:
        with tempfile.TemporaryDirectory(prefix="photo-album-") as data:
            run(Path(data), port=0, check=True)
    else:
        run(HERE / ".pilvi", port=4566, check=False)


def run(data, *, port, check):
    server, url = start(data, port)
    try:
        show(url, check)
        if check:
            step("Comparing the roles with what they were observed to need (pilvi iam generate)")
            roles = [f"{NAME}-{name}" for name in ("album", "thumbnails", "stats")]
            for line in compare_roles(boto3.Session(), data, roles):
                print(f"   {line}")
            restart_check(server, data, url)
            print("\nEverything is as it should be.")
            return
        print(
            "\nThe server goes on running; add photographs of your own on the page. Ctrl-C ends it."
        )
        server.wait()
    except KeyboardInterrupt:
        print("\nStopping.")
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def start(data, port):
    step(f"Starting pilvi on {data}")
    ready = data.parent / f"{data.name}.ready"
    ready.unlink(missing_ok=True)
    command = [Path(sys.executable).parent / "pilvi", "up", "--data", data, "--ready-file", ready]
    command += ["--port", str(port), "--quiet"]
    began = time.monotonic()
    server = subprocess.Popen([str(part) for part in command], start_new_session=True)
    while not ready.exists():
        if server.poll() is not None:
            sys.exit("pilvi could not start; what it says above tells why")
        time.sleep(0.01)
    url = json.loads(ready.read_text())["url"]
    ready.unlink()
    print(f"   ready after {time.monotonic() - began:.2f} s at {url}")
    return server, url


def show(url, check):
    os.environ.update(
        AWS_ENDPOINT_URL=url,
        AWS_ACCESS_KEY_ID="000000000000",
        AWS_SECRET_ACCESS_KEY="pilvi",
        AWS_DEFAULT_REGION="us-east-1",
    )
    session = boto3.Session()
    step("Deploying the application with plain boto3, as to AWS")
    deployment = Deployment(session, album=ALBUM, say=lambda text: print(f"   {text}"))
    page, api = deployment.deploy()

    step(f"Uploading {len(PHOTOS)} photographs through presigned URLs that the API hands out")
    before = {photo["id"] for photo in ask(f"{api}/albums/{ALBUM}")["photos"]}
    ids = {}
    for path in PHOTOS:
        given = ask(f"{api}/albums/{ALBUM}/photos", {"name": path.name})
        ids[given["id"]] = path
        request = urllib.request.Request(
            given["url"], data=path.read_bytes(), method="PUT", headers=given["headers"]
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        print(f"   {path.name}: {path.stat().st_size:,} bytes")

    step("S3 tells the thumbnails function of each; it writes three sizes and one row")
    photos = wait_for(api, before | set(ids))
    for photo in photos:
        if photo["id"] in ids:
            print(
                f"   {photo['title']}: {photo['width']} x {photo['height']}, taken {photo['takenAt']}"
            )

    step("The same event once more, by hand: nothing may change")
    path = next(iter(ids.values()))
    repeat(session, deployment, next(iter(ids)), path)

    step("The Node.js function counts the album by a Query")
    stats = ask(f"{api}/stats?album={ALBUM}")
    print(f"   {stats['photos']} photographs, {stats['bytes']:,} bytes, from {stats['first']} on")

    step("The page")
    with urllib.request.urlopen(page) as answer:
        assert b"Photo album" in answer.read()
    print(f"   {page}")
    if check:
        verify(session, deployment, photos, ids, stats)


def ask(url, body=None):
    request = urllib.request.Request(url, headers={"content-type": "application/json"})
    if body is not None:
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def wait_for(api, ids):
    give_up = time.monotonic() + PATIENCE_S
    while True:
        photos = ask(f"{api}/albums/{ALBUM}")["photos"]
        if {photo["id"] for photo in photos} >= ids:
            return photos
        if time.monotonic() > give_up:
            sys.exit(f"after {PATIENCE_S} s only {len(photos)} photographs have thumbnails")
        time.sleep(0.05)


def repeat(session, deployment, photo_id, path):
    key = f"originals/{ALBUM}/{photo_id}/{path.name}"
    record = {
        "bucket": {"name": deployment.photos_bucket},
        "object": {"key": key, "size": path.stat().st_size},
    }
    answer = session.client("lambda").invoke(
        FunctionName="photo-album-thumbnails", Payload=json.dumps({"Records": [{"s3": record}]})
    )
    outcome = json.load(answer["Payload"])
    assert outcome == {"outcomes": ["known"]}, outcome
    print(f"   the function said: {path.name} was known already")


def verify(session, deployment, photos, ids, stats):
    step("Verifying thumbnails, rows and counts")
    s3 = session.client("s3")
    rows = session.resource("dynamodb").Table(TABLE).scan()["Items"]
    assert {row["id"] for row in rows} == set(ids), "the table's rows are not the photographs"
    total = 0
    for row in rows:
        path = ids[row["id"]]
        original = Image.open(path)
        total += path.stat().st_size
        assert (row["width"], row["height"]) == original.size, row
        assert row["bytes"] == path.stat().st_size, row
        assert row["album"] == ALBUM, row
        assert row["name"] == path.name, row
        for size, edge in SIZES.items():
            stored = s3.get_object(Bucket=deployment.photos_bucket, Key=row["thumbnails"][size])
            compare(original, Image.open(io.BytesIO(stored["Body"].read())), edge, path.name)
    assert stats["photos"] == len(ids), stats
    assert stats["bytes"] == total, stats
    assert [photo["takenAt"] for photo in photos] == sorted(row["takenAt"] for row in rows)
    first = next(photo for photo in photos if photo["name"] == "rocket.jpg")
    assert first["takenAt"] == "2015-02-11T18:03:00Z", "the Exif time was not used"
    with urllib.request.urlopen(first["thumbnails"]["large"]) as answer:
        assert answer.headers["content-type"] == "image/jpeg"
    print(
        f"   {len(rows) * len(SIZES)} thumbnails have the right pixels, {len(rows)} rows are right"
    )


def compare(original, thumbnail, edge, name):
    """The thumbnail's pixels against our own scaling of the original; JPEG allows a small difference."""
    expected = ImageOps.exif_transpose(original).convert("RGB")
    expected.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    assert thumbnail.size == expected.size, (name, thumbnail.size, expected.size)
    difference = ImageStat.Stat(ImageChops.difference(expected, thumbnail.convert("RGB")))
    assert max(difference.mean) < 8, (name, edge, difference.mean)


def restart_check(server, data, url):
    """Kill everything at once, start again on the same data, and look: all of it is there."""
    step("Killing the server with SIGKILL and starting it again on the same data")
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    again, _ = start(data, int(url.rpartition(":")[2]))
    try:
        session = boto3.Session()
        rows = session.resource("dynamodb").Table(TABLE).scan()["Items"]
        assert len(rows) == len(PHOTOS), "rows were lost"
        apis = session.client("apigatewayv2").get_apis()["Items"]
        stats = ask(f"{apis[0]['ApiEndpoint']}/stats?album={ALBUM}")
        assert stats["photos"] == len(PHOTOS), stats
        print(f"   {len(rows)} rows are there, and the API answers")
    finally:
        again.send_signal(signal.SIGTERM)
        assert again.wait(30) == 0


def step(text):
    print(f"\n{text}", flush=True)


if __name__ == "__main__":
    main()
