// Reads a multipart/x-mixed-replace stream of JPEG pictures.
//
// An <img> would show it too, but says nothing when the stream ends or halts: the last picture just stays. Here every
// picture that arrives is known, so a picture that no longer lives is never shown as if it did.

const NEWLINE = 10;
const MOST = 4_000_000; // bytes of one picture; the daemon's have a hundredth of it

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/**
 * Yields each picture as a Blob.
 * @param {ReadableStream<Bytes>} body
 * @param {string} content_type of the answer, which names the boundary
 */
export async function* pictures(body, content_type) {
  const boundary = /boundary="?([^";]+)"?/.exec(content_type)?.[1];
  if (!boundary) throw new TypeError(`no boundary in ${content_type}`);
  const mark = new TextEncoder().encode(`--${boundary.replace(/^--/, "")}`);
  let rest = new Uint8Array();
  for await (const chunk of chunks(body)) {
    rest = joined(rest, chunk);
    if (rest.length > MOST) throw new TypeError("a picture without an end");
    for (;;) {
      const part = first_part(rest, mark);
      if (!part) break;
      rest = rest.subarray(part.next);
      if (part.picture.length) yield new Blob([part.picture], { type: "image/jpeg" });
    }
  }
}

/**
 * The first whole part: behind a boundary and its headers, up to its length or the next boundary.
 * @param {Bytes} bytes
 * @param {Bytes} mark
 */
function first_part(bytes, mark) {
  const start = find(bytes, mark, 0);
  if (start < 0) return null;
  const head = end_of_headers(bytes, start);
  if (head < 0) return null;
  const headers = new TextDecoder().decode(bytes.subarray(start, head));
  const length = /content-length:\s*(\d+)/i.exec(headers)?.[1];
  if (length !== undefined) {
    const end = head + Number(length);
    return end <= bytes.length ? { picture: bytes.subarray(head, end), next: end } : null;
  }
  const end = find(bytes, mark, head);
  return end < 0 ? null : { picture: bytes.subarray(head, end), next: end };
}

/**
 * @param {Bytes} bytes
 * @param {number} from
 */
function end_of_headers(bytes, from) {
  for (let at = bytes.indexOf(NEWLINE, from); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) {
    if (bytes[at + 1] === NEWLINE) return at + 2;
    if (bytes[at + 2] === NEWLINE && bytes[at + 1] === 13) return at + 3;
  }
  return -1;
}

/**
 * @param {Bytes} bytes
 * @param {Bytes} what
 * @param {number} from
 */
function find(bytes, what, from) {
  for (let at = bytes.indexOf(what[0], from); at >= 0; at = bytes.indexOf(what[0], at + 1)) {
    if (at + what.length > bytes.length) return -1;
    if (what.every((byte, n) => bytes[at + n] === byte)) return at;
  }
  return -1;
}

/**
 * @param {Bytes} one
 * @param {Bytes} other
 */
function joined(one, other) {
  if (!one.length) return other;
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/** @param {ReadableStream<Bytes>} body */
async function* chunks(body) {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // the stream may be broken already; it is given up either way
  }
}
