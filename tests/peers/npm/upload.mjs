// A tus client that is not ours: tus-js-client. node upload.mjs JSON, with endpoint, file, headers, metadata,
// chunkSize (bytes; none: all in one request), deferred (the length is told last), parallel (so many parts), uploadUrl (to go on), stopAt (bytes acknowledged after which it ends).
// Prints {"url", "sent", "retries"}; ends with 1 and one sentence when the upload failed.
import { createReadStream, statSync } from "node:fs";
import { PassThrough } from "node:stream";
import { Upload } from "tus-js-client";

const wanted = JSON.parse(process.argv[2]);
let sent = 0;
let retries = 0;

function end(upload, code) {
  console.log(JSON.stringify({ url: upload.url, sent, retries }));
  process.exit(code);
}

// A length that is told last belongs to a stream without one; of a file it would take it all the same.
const source = createReadStream(wanted.file);
const upload = new Upload(wanted.deferred ? source.pipe(new PassThrough()) : source, {
  endpoint: wanted.endpoint,
  uploadUrl: wanted.uploadUrl ?? null,
  uploadSize: wanted.deferred || wanted.parallel ? null : statSync(wanted.file).size,
  uploadLengthDeferred: wanted.deferred ?? false,
  parallelUploads: wanted.parallel ?? 1,
  chunkSize: wanted.chunkSize ?? Infinity,
  headers: wanted.headers ?? {},
  metadata: wanted.metadata ?? {},
  retryDelays: Array(200).fill(100),
  onShouldRetry: () => {
    retries += 1;
    return true;
  },
  onChunkComplete: (_size, accepted) => {
    sent = accepted;
    if (wanted.stopAt && sent >= wanted.stopAt) {
      upload.abort().then(() => end(upload, 0));
    }
  },
  onSuccess: () => end(upload, 0),
  onError: (error) => {
    console.error(String(error.message).split("\n")[0]);
    process.exit(1);
  },
});
upload.start();
