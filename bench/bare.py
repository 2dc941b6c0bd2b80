"""The least that a Python server can do with the same bytes: an ASGI handler without a store, without signatures.

`python -m bench.bare FILE PORT` serves the answers that FILE holds, one for each method, recorded from a real
server. A request is read to its end, then its answer is sent: nothing is parsed, checked, or kept.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path


def application(answers: dict):
    ready = {
        method: (
            {
                "type": "http.response.start",
                "status": answer["status"],
                "headers": [(n.encode(), v.encode()) for n, v in answer["headers"]],
            },
            {"type": "http.response.body", "body": base64.b64decode(answer["body"])},
        )
        for method, answer in answers.items()
    }

    async def serve(scope, receive, send) -> None:
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        start, body = ready[scope["method"]]
        await send(start)
        await send(body)

    return serve


def main() -> None:
    import uvicorn

    uvicorn.run(
        application(json.loads(Path(sys.argv[1]).read_text())),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )


if __name__ == "__main__":
    main()
