// Answers that are streamed: `awslambda.streamifyResponse`, its stream, and what makes an HTTP response of one.
//
// AWS: Lambda Developer Guide, "Writing response streaming-enabled Lambda functions".

import { Writable } from "node:stream";

const STREAMED = Symbol.for("aws.lambda.runtime.handler.streaming");
const HTTP_TYPE = "application/vnd.awslambda.http-integration-response";
const PRELUDE_END = Buffer.alloc(8);

export function isStreamed(handler) {
  return handler[STREAMED] === "response";
}

export class HttpResponseStream {
  // The status, headers and cookies go before the first byte, as JSON and eight NULs.
  static from(stream, prelude) {
    stream.setContentType(HTTP_TYPE);
    stream.prelude = Buffer.concat([Buffer.from(JSON.stringify(prelude)), PRELUDE_END]);
    return stream;
  }
}

export const awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMED] = "response";
    if (options?.highWaterMark !== undefined) handler[Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark")] = options.highWaterMark;
    return handler;
  },
  HttpResponseStream,
};

// What a handler writes into; nothing is sent before the first write or the end, so an error before that is one of
// the usual kind. `client`: the connection to the Runtime API.
export class ResponseStream extends Writable {
  constructor(client, where) {
    super({ highWaterMark: 64 * 1024 });
    this.client = client;
    this.where = where;
    this.contentType = "application/octet-stream";
    this.prelude = undefined;
    this.answered = undefined;
  }

  get begun() {
    return this.answered !== undefined;
  }

  setContentType(contentType) {
    if (this.begun) throw new Error("Cannot set content-type, too late.");
    this.contentType = contentType;
  }

  begin() {
    if (this.begun) return;
    const head = {
      "Content-Type": String(this.contentType).replace(/[^\x20-\x7e]/g, ""),
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      "Transfer-Encoding": "chunked",
      Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
    };
    this.answered = this.client.begin("POST", this.where, head);
    if (this.prelude) this.send(this.prelude);
  }

  send(chunk, done) {
    const { socket } = this.client;
    socket.cork();
    socket.write(`${chunk.length.toString(16)}\r\n`);
    socket.write(chunk);
    socket.write("\r\n", done);
    process.nextTick(() => socket.uncork());
  }

  _write(chunk, _encoding, done) {
    this.begin();
    if (chunk.length === 0) done();
    else this.send(chunk, done);
  }

  _final(done) {
    this.begin();
    this.client.socket.write("0\r\n\r\n", done);
  }

  // Break off what has begun: the error goes behind it.
  breakOff(type, body) {
    this.client.socket.write(
      `0\r\nLambda-Runtime-Function-Error-Type: ${type}\r\nLambda-Runtime-Function-Error-Body: ${Buffer.from(body).toString("base64")}\r\n\r\n`,
    );
  }
}

// Runs a streaming handler until it has returned and its stream has ended. Where nothing is left to be done and the
// stream is still open, it is ended.
export function runStreamed(handler, event, stream, context) {
  return new Promise((resolve, reject) => {
    let returned = false;
    let finished = false;
    const settle = (error) => {
      process.removeListener("beforeExit", idle);
      if (error !== undefined) reject(error);
      else resolve();
    };
    const idle = () => {
      returned = true;
      if (!stream.writableEnded) stream.end();
    };
    const advance = () => {
      if (returned && finished) settle();
    };
    process.on("beforeExit", idle);
    stream.on("finish", () => {
      finished = true;
      advance();
    });
    stream.on("error", (error) => settle(error ?? new Error("The response stream failed without a reason.")));
    Promise.resolve()
      .then(() => handler(event, stream, context))
      .then(
        () => {
          returned = true;
          advance();
        },
        (error) => settle(error ?? new Error("The promise was rejected without a reason.")),
      );
  });
}
