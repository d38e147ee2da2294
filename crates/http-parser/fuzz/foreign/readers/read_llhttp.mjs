// Reads a batch with llhttp: its lines from standard input, and for each writes a line of what llhttp
// makes of it. The argument is the file of undici that holds llhttp as WebAssembly.
//
// After a request that asks for another protocol the stream goes on, as in Node.js where nobody
// listens for upgrades. The preface of HTTP/2 is an error.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const REQUEST = 1; // a type of llhttp_type_t; the others are of llhttp_errno_t
const OK = 0;
const PAUSED_UPGRADE = 22;

let stream; // what has been seen of the one that is being read

const bytes = (at, length) => Buffer.from(llhttp.memory.buffer, at, length).toString("latin1");

function text(at) {
  const memory = new Uint8Array(llhttp.memory.buffer);
  return bytes(at, memory.indexOf(0, at) - at);
}

const callbacks = {
  wasm_on_message_begin() {
    Object.assign(stream, { target: "", fields: [], isHead: true, isName: false });
    return 0;
  },
  wasm_on_url(_, at, length) {
    stream.target += bytes(at, length);
    return 0;
  },
  wasm_on_status: () => 0,
  wasm_on_header_field(_, at, length) {
    if (!stream.isHead) return 0; // it is of a trailer section
    if (!stream.isName) stream.fields.push(["", ""]);
    stream.isName = true;
    stream.fields.at(-1)[0] += bytes(at, length);
    return 0;
  },
  wasm_on_header_value(_, at, length) {
    if (!stream.isHead) return 0;
    stream.isName = false;
    stream.fields.at(-1)[1] += bytes(at, length);
    return 0;
  },
  wasm_on_headers_complete(parser) {
    const version = [llhttp.llhttp_get_http_major(parser), llhttp.llhttp_get_http_minor(parser)];
    stream.isHead = false;
    stream.requests.push({
      method: text(llhttp.llhttp_method_name(llhttp.llhttp_get_method(parser))),
      target: stream.target,
      version: version.join("."),
      fields: stream.fields,
      body: "",
      keeps_open: null,
    });
    return 0;
  },
  wasm_on_body(_, at, length) {
    stream.requests.at(-1).body += bytes(at, length);
    return 0;
  },
  wasm_on_message_complete(parser) {
    stream.requests.at(-1).keeps_open = llhttp.llhttp_should_keep_alive(parser) !== 0;
    return 0;
  },
};

function read(input) {
  stream = { requests: [] };
  const parser = llhttp.llhttp_alloc(REQUEST);
  const start = llhttp.malloc(input.length);
  new Uint8Array(llhttp.memory.buffer, start, input.length).set(input);
  let at = start;
  let error;
  for (;;) {
    error = llhttp.llhttp_execute(parser, at, start + input.length - at);
    if (error !== PAUSED_UPGRADE) break;
    at = llhttp.llhttp_get_error_pos(parser);
    llhttp.llhttp_resume_after_upgrade(parser);
  }
  const reading = { requests: stream.requests, end: "waiting", reason: "" };
  if (stream.requests.at(-1)?.keeps_open === false) {
    reading.end = "closed";
  } else if (error !== OK) {
    reading.end = "refused";
    reading.reason = text(llhttp.llhttp_get_error_reason(parser));
  }
  llhttp.free(start);
  llhttp.llhttp_free(parser);
  return reading;
}

const wasm = createRequire(import.meta.url)(process.argv[2]);
const { instance } = await WebAssembly.instantiate(wasm, { env: callbacks });
const llhttp = instance.exports;
llhttp._initialize();
for await (const line of createInterface({ input: process.stdin })) {
  const input = Buffer.from(JSON.parse(line).input, "latin1");
  process.stdout.write(JSON.stringify(read(input)) + "\n");
}
