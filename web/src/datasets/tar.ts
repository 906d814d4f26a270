import type { Source } from "./source";

/**
 * A folder as one tar, made while it is sent: only the bytes that are asked for are put together, so a folder of 10 GB
 * or a million files costs no memory. The same files give the same bytes, so an upload of them can be gone on with.
 */
export interface Member {
  readonly path: string;
  readonly file: Blob;
}

const BLOCK = 512;
const MOST_OCTAL = 8 ** 11 - 1;
const text = new TextEncoder();

export class Tar implements Source {
  readonly size: number;
  readonly #members: readonly Member[];
  readonly #starts: Float64Array;

  constructor(
    readonly name: string,
    members: readonly Member[],
  ) {
    this.#members = [...members].sort((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
    this.#starts = new Float64Array(members.length + 1);
    this.#members.forEach(({ path, file }, k) => {
      this.#starts[k + 1] = this.#start(k) + headerLength(path, file.size) + padded(file.size);
    });
    this.size = this.#start(members.length) + 2 * BLOCK;
  }

  /** The bytes from one place to another. */
  slice(from: number, to: number): Blob {
    const pieces: BlobPart[] = [];
    for (let k = this.#at(from); k < this.#members.length && this.#start(k) < to; k++) {
      const member = this.#members[k];
      if (!member) break;
      const head = header(member.path, member.file.size);
      const begin = this.#start(k) + head.length;
      pieces.push(...cut(head, from - this.#start(k), to - this.#start(k)));
      const [first, last] = [Math.max(0, from - begin), Math.min(member.file.size, to - begin)];
      if (first < last) pieces.push(member.file.slice(first, last));
      const end = begin + member.file.size;
      pieces.push(...cut(new Uint8Array(padded(member.file.size) - member.file.size), from - end, to - end));
    }
    const end = this.#start(this.#members.length);
    pieces.push(...cut(new Uint8Array(2 * BLOCK), from - end, to - end));
    return new Blob(pieces);
  }

  /** The first member between two places that cannot be read. */
  async unreadable(from: number, to: number): Promise<string | null> {
    for (let k = this.#at(from); k < this.#members.length && this.#start(k) < to; k++) {
      const { path, file } = this.#members[k] ?? { path: "", file: new Blob() };
      const readable = await file
        .slice(0, 1)
        .arrayBuffer()
        .then(
          () => true,
          () => false,
        );
      if (!readable) return path;
    }
    return null;
  }

  #start(k: number): number {
    return this.#starts[k] ?? 0;
  }

  /** The member that a place lies in. */
  #at(place: number): number {
    let [low, high] = [0, this.#members.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#start(middle + 1) <= place) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;

function cut(bytes: Uint8Array<ArrayBuffer>, from: number, to: number): Uint8Array<ArrayBuffer>[] {
  const [first, last] = [Math.max(0, from), Math.min(bytes.length, to)];
  return first < last ? [bytes.slice(first, last)] : [];
}

/** What stands before a member: its ustar header, after a pax one where it does not fit or is not plain. */
export function header(path: string, size: number): Uint8Array<ArrayBuffer> {
  const records = needed(path, size);
  const short = split(path) ?? { prefix: "", name: ascii(path).slice(0, 100) };
  const plain = ustar(short.name, short.prefix, size > MOST_OCTAL ? 0 : size, "0");
  if (records.length === 0) return plain;
  const extended = new Uint8Array(BLOCK + padded(records.length) + BLOCK);
  extended.set(ustar("pax_header", "", records.length, "x"), 0);
  extended.set(records, BLOCK);
  extended.set(plain, BLOCK + padded(records.length));
  return extended;
}

function headerLength(path: string, size: number): number {
  const records = needed(path, size);
  return records.length === 0 ? BLOCK : 2 * BLOCK + padded(records.length);
}

function needed(path: string, size: number): Uint8Array {
  const told = (split(path) ? "" : record("path", path)) + (size > MOST_OCTAL ? record("size", String(size)) : "");
  return text.encode(told);
}

/** A line of pax says its own length first. */
function record(key: string, value: string): string {
  const rest = text.encode(` ${key}=${value}\n`).length;
  let length = rest + 1;
  while (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** How a path stands in a ustar header; null where only pax can say it. */
function split(path: string): { prefix: string; name: string } | null {
  if (ascii(path) !== path) return null;
  if (path.length <= 100) return { prefix: "", name: path };
  for (let k = path.indexOf("/"); k > 0 && k <= 155; k = path.indexOf("/", k + 1))
    if (path.length - k - 1 <= 100 && path.length > k + 1) return { prefix: path.slice(0, k), name: path.slice(k + 1) };
  return null;
}

const ascii = (path: string): string => path.replace(/[^ -~]/g, "_");

function ustar(name: string, prefix: string, size: number, kind: "0" | "x"): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, value: string) => block.set(text.encode(value), at);
  put(0, name);
  put(100, "0000644\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${size.toString(8).padStart(11, "0")}\0`);
  put(136, "00000000000\0"); // no times: the same files are the same bytes
  put(148, "        ");
  put(156, kind);
  put(257, "ustar\u000000");
  put(345, prefix);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}
