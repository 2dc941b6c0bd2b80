// The runtime of Node.js functions: loads the handler, asks the Runtime API for invocations, answers, logs.
//
// No dependencies; one connection, kept alive. It knows what pilvi's server answers: HTTP/1.1 with a Content-Length.
// AWS: Lambda Developer Guide, "Building Lambda functions with Node.js".

import fs from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

import { ResponseStream, awslambda, isStreamed, runStreamed } from "./streams.mjs";

// A parked runtime waits here until it is told whose it is. Node.js has started meanwhile, and has loaded what every
// function needs; the connection is served as soon as there is one.
let connected;
if (process.argv.at(-1) === "--parked") {
  process.argv.pop();
  connected = connect(process.env.AWS_LAMBDA_RUNTIME_API);
  createRequire("/var/task/");
  await import("./streams.mjs");
  const [told, word] = fs.readFileSync(0, "utf8").split("\n");
  if (word !== "go") process.exit(0);
  fs.closeSync(0);
  fs.openSync("/dev/null", "r");
  const { environment, directory } = JSON.parse(told);
  environment._LAMBDA_TELEMETRY_LOG_FD = process.env._LAMBDA_TELEMETRY_LOG_FD;
  // Only what is new: setting TZ, be it to what it was, costs thirty milliseconds.
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  for (const [name, value] of Object.entries(environment)) if (process.env[name] !== value) process.env[name] = value;
  process.chdir(directory);
}

const PREFIX = "/2018-06-01/runtime/";
const FRAME_TEXT = 0xa55a0003;
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const taskRoot = process.env.LAMBDA_TASK_ROOT ?? "/var/task";

let requestId; // of the running invocation; AWS prints "undefined" before the first one

function connect(address) {
  const [host, port] = address.split(":");
  return net.connect({ host, port: Number(port), noDelay: true });
}

class RuntimeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

// ---- The Runtime API -----------------------------------------------------------------------------------------

class Client {
  constructor(address) {
    this.address = address;
    this.received = Buffer.alloc(0);
    this.socket = connected ?? connect(address);
    this.socket.on("data", (data) => this.hear(data));
    this.socket.on("error", () => process.exit(1));
    this.socket.on("close", () => process.exit(1));
  }

  request(method, where, headers, body) {
    const content = Buffer.from(body);
    return this.begin(method, where, { ...headers, "Content-Length": content.length }, content);
  }

  // The head of a request, and what there is of its body; gives what it is answered with, at last.
  begin(method, where, headers, content = Buffer.alloc(0)) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `${method} ${PREFIX}${where} HTTP/1.1\r\nHost: ${this.address}\r\n${lines.join("")}\r\n`;
    this.socket.ref();
    this.socket.write(Buffer.concat([Buffer.from(head), content]));
    return new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  hear(data) {
    this.received = this.received.length ? Buffer.concat([this.received, data]) : data;
    const end = this.received.indexOf("\r\n\r\n");
    if (end < 0) return;
    if (this.head === undefined) {
      const [status, ...lines] = this.received.toString("utf8", 0, end).split("\r\n");
      const headers = {};
      for (const line of lines) {
        const colon = line.indexOf(": ");
        headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 2);
      }
      this.head = { status: Number(status.split(" ")[1]), headers, begin: end + 4 };
    }
    const { status, headers, begin } = this.head;
    const length = Number(headers["content-length"]);
    if (this.received.length < begin + length) return;
    const body = this.received.subarray(begin, begin + length);
    this.received = this.received.subarray(begin + length);
    this.head = undefined;
    this.resolve({ status, headers, body });
  }

  async post(where, body, headers = {}) {
    await this.accepted(where, this.request("POST", where, { "Content-Type": "application/json", ...headers }, body));
  }

  async accepted(where, answered) {
    const { status, body: answer } = await answered;
    // Too large an answer (413) has been reported to the caller already; the runtime goes on.
    if (status !== 202 && status !== 413) throw new Error(`${where} was answered with ${status}: ${answer}`);
  }
}

// ---- The log -------------------------------------------------------------------------------------------------

const logDescriptor = process.env._LAMBDA_TELEMETRY_LOG_FD && Number(process.env._LAMBDA_TELEMETRY_LOG_FD);
delete process.env._LAMBDA_TELEMETRY_LOG_FD;

// Node makes the pipe non-blocking as soon as a function uses process.stdout; when it is full, its reader is waited for.
function writeAll(descriptor, data) {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let written = 0; written < data.length; ) {
    try {
      written += fs.writeSync(descriptor, data, written);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

function writeLog(text) {
  if (!logDescriptor) {
    writeAll(1, Buffer.from(`${text.replaceAll("\n", "\r")}\n`));
    return;
  }
  const body = Buffer.from(`${text}\n`);
  const frame = Buffer.alloc(16 + body.length);
  frame.writeUInt32BE(FRAME_TEXT, 0);
  frame.writeUInt32BE(body.length, 4);
  frame.writeBigInt64BE(BigInt(Date.now()) * 1000n, 8);
  body.copy(frame, 16);
  writeAll(logDescriptor, frame);
}

function patchConsole() {
  const json = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON";
  const lowest = json ? Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase())) : 0;
  const log = (level) => (...values) => {
    if (LEVELS.indexOf(level) < lowest) return;
    const timestamp = new Date().toISOString();
    if (!json) {
      writeLog(`${timestamp}\t${requestId}\t${level}\t${format(...values)}`);
      return;
    }
    const message = values.length === 1 && typeof values[0] === "object" ? values[0] : format(...values);
    const record = { timestamp, level, requestId, message };
    const failure = values.find((value) => value instanceof Error);
    if (failure) Object.assign(record, describe(failure), { message: format(...values) });
    writeLog(JSON.stringify(record));
  };
  console.trace = log("TRACE");
  console.debug = log("DEBUG");
  console.log = console.info = log("INFO");
  console.warn = log("WARN");
  console.error = log("ERROR");
  console.fatal = log("FATAL");
}

function describe(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), stack: [] };
  return { errorType: error.name, errorMessage: error.message, ...error, stack: (error.stack ?? "").split("\n") };
}

function logError(kind, error) {
  console.error(`${kind} \t${JSON.stringify(describe(error))}`);
}

function errorBody(error) {
  const { errorType, errorMessage, stack } = describe(error);
  return JSON.stringify({ errorType, errorMessage, trace: stack });
}

// ---- The handler ---------------------------------------------------------------------------------------------

async function loadHandler(name) {
  if (!name || name.includes("..")) {
    throw new RuntimeError("Runtime.MalformedHandlerName", `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const directory = path.dirname(name);
  const [moduleName, ...members] = path.basename(name).split(".");
  if (members.length === 0) throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  const loaded = await loadModule(path.resolve(taskRoot, directory, moduleName), moduleName);
  const find = (root) => members.reduce((value, member) => value?.[member], root);
  const handler = find(loaded) ?? find(loaded.default);
  if (!handler) throw new RuntimeError("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof handler !== "function") throw new RuntimeError("Runtime.HandlerNotFound", `${name} is not a function`);
  return handler;
}

async function loadModule(base, moduleName) {
  const require = createRequire(`${taskRoot}/`);
  const file = ["", ".js", ".mjs", ".cjs"].map((ending) => base + ending).find((candidate) => fs.statSync(candidate, { throwIfNoEntry: false })?.isFile());
  try {
    if (file?.endsWith(".mjs") || (file?.endsWith(".js") && insideModulePackage(file))) {
      return await import(pathToFileURL(file).href);
    }
    return require(file ?? base);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`);
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
      const missing = file ? error.message : `Cannot find module '${moduleName}'`;
      throw new RuntimeError("Runtime.ImportModuleError", `Error: ${missing}`);
    }
    throw error;
  }
}

function insideModulePackage(file) {
  for (let directory = path.dirname(file); ; directory = path.dirname(directory)) {
    const manifest = path.join(directory, "package.json");
    if (fs.existsSync(manifest)) return JSON.parse(fs.readFileSync(manifest, "utf8")).type === "module";
    if (directory === path.dirname(directory)) return false;
  }
}

function makeContext(headers, finish) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const parsed = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed("lambda-runtime-client-context"),
    identity: parsed("lambda-runtime-cognito-identity"),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  context.succeed = (result) => finish(undefined, result, false);
  context.fail = (error) => finish(error ?? "handled", undefined, false);
  context.done = (error, result) => finish(error, result, false);
  return context;
}

// The answer of one invocation: of a promise when it settles; of a callback when nothing is left to be done
// (unless the function waived that); of neither, null when nothing is left to be done.
function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    let settled = false;
    const settle = (error, result) => {
      process.removeListener("beforeExit", idle);
      if (error !== undefined && error !== null) reject(error);
      else resolve(result);
    };
    let pending = [undefined, null];
    const idle = () => settle(...pending);
    const finish = (error, result, mayWait) => {
      if (settled) return;
      settled = true;
      if (mayWait && context.callbackWaitsForEmptyEventLoop) pending = [error, result];
      else settle(error, result);
    };
    const context = makeContext(headers, finish);
    process.on("beforeExit", idle);
    const returned = handler(event, context, (error, result) => finish(error, result, true));
    if (typeof returned?.then === "function") {
      returned.then(
        (result) => finish(undefined, result, false),
        (error) => finish(error ?? new Error("The promise was rejected without a reason."), undefined, false),
      );
    }
  });
}

function die(client, kind, type, error) {
  const failure = type ? new RuntimeError(type, error instanceof Error ? error.toString() : String(error)) : error;
  if (type && error instanceof Error) failure.stack = `${failure.toString()}\n${error.stack}`;
  logError(kind, failure);
  const where = requestId === undefined ? "init/error" : `invocation/${requestId}/error`;
  const headers = { "Lambda-Runtime-Function-Error-Type": describe(failure).errorType };
  client.post(where, errorBody(failure), headers).finally(() => process.exit(type ? 128 : 129));
}

// ---- The loop ------------------------------------------------------------------------------------------------

async function main() {
  patchConsole();
  globalThis.awslambda = awslambda;
  const client = new Client(process.env.AWS_LAMBDA_RUNTIME_API);
  process.on("uncaughtException", (error) => die(client, "Uncaught Exception", undefined, error));
  process.on("unhandledRejection", (error) => die(client, "Unhandled Promise Rejection", "Runtime.UnhandledPromiseRejection", error));
  let handler;
  try {
    handler = await loadHandler(process.env._HANDLER);
  } catch (error) {
    die(client, "Uncaught Exception", undefined, error);
    return;
  }
  for (;;) {
    const { status, headers, body } = await client.request("GET", "invocation/next", {}, "");
    if (status !== 200) throw new Error(`The next invocation was answered with ${status}: ${body}`);
    requestId = headers["lambda-runtime-aws-request-id"];
    if (headers["lambda-runtime-trace-id"]) process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
    else delete process.env._X_AMZN_TRACE_ID;
    client.socket.unref();
    if (isStreamed(handler)) {
      await respondStreamed(client, handler, JSON.parse(body.toString()), headers);
      continue;
    }
    try {
      const result = await run(handler, JSON.parse(body.toString()), headers);
      const answer = JSON.stringify(result === undefined ? null : result) ?? "null";
      await client.post(`invocation/${requestId}/response`, answer);
    } catch (error) {
      await postError(client, error);
    }
  }
}

async function postError(client, error) {
  logError("Invoke Error", error);
  await client.post(`invocation/${requestId}/error`, errorBody(error), { "Lambda-Runtime-Function-Error-Type": errorType(error) });
}

function errorType(error) {
  return String(describe(error).errorType).replace(/[^\w.-]/g, "_");
}

async function respondStreamed(client, handler, event, headers) {
  const where = `invocation/${requestId}/response`;
  const stream = new ResponseStream(client, where);
  try {
    await runStreamed(handler, event, stream, makeContext(headers, () => {}));
  } catch (error) {
    if (!stream.begun) {
      await postError(client, error);
      return;
    }
    logError("Invoke Error", error);
    stream.breakOff(errorType(error), errorBody(error));
  }
  await client.accepted(where, stream.answered);
}

main().catch((error) => {
  logError("Runtime failure", error);
  process.exit(1);
});
