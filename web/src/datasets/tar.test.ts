import { describe, expect, it } from "vitest";
import { header, Tar } from "./tar";

const utf8 = new TextDecoder();
const octal = (bytes: Uint8Array) => Number.parseInt(utf8.decode(bytes).replace(/[\0 ].*$/s, ""), 8);
const plain = (bytes: Uint8Array) => utf8.decode(bytes).replace(/\0.*$/s, "");

/** A strict reader of its own, from POSIX's description of pax. */
function read(tar: Uint8Array): Record<string, string> {
  const members: Record<string, string> = {};
  let at = 0;
  let told: Record<string, string> = {};
  while (at < tar.length && tar[at] !== 0) {
    const block = tar.slice(at, at + 512);
    const blank = block.slice();
    blank.fill(32, 148, 156);
    expect(octal(block.slice(148, 156))).toBe(blank.reduce((sum, byte) => sum + byte, 0));
    expect(utf8.decode(block.slice(257, 265))).toBe("ustar\u000000");
    const size = octal(block.slice(124, 136));
    const content = tar.slice(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
    if (block[156] === "x".charCodeAt(0)) {
      told = records(content);
      continue;
    }
    const prefix = plain(block.slice(345, 500));
    const path = told["path"] ?? (prefix ? `${prefix}/` : "") + plain(block.slice(0, 100));
    members[path] = utf8.decode(content);
    told = {};
  }
  expect(tar.slice(at)).toEqual(new Uint8Array(1024));
  return members;
}

function records(content: Uint8Array): Record<string, string> {
  const found: Record<string, string> = {};
  let at = 0;
  while (at < content.length) {
    const space = content.indexOf(32, at);
    const length = Number(utf8.decode(content.slice(at, space)));
    const line = utf8.decode(content.slice(space + 1, at + length));
    expect(line.endsWith("\n")).toBe(true);
    const equals = line.indexOf("=");
    found[line.slice(0, equals)] = line.slice(equals + 1, -1);
    at += length;
  }
  return found;
}

const files: Record<string, string> = {
  "photos/cat/1.png": "meow",
  "photos/dog/2.png": "",
  [`photos/${"long/".repeat(24)}name.png`]: "x".repeat(512),
  [`photos/${"n".repeat(180)}.png`]: "y".repeat(513),
  "photos/größe/äé – 猫.png": "z".repeat(1500),
};
const tar = () =>
  new Tar(
    "photos.tar",
    Object.entries(files).map(([path, words]) => ({ path, file: new Blob([words]) })),
  );
const bytes = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());

describe("a folder as a tar", () => {
  it("reads back as it was, sorted by path", async () => {
    const made = tar();
    const whole = await bytes(made.slice(0, made.size));
    expect(whole.length).toBe(made.size);
    const found = read(whole);
    expect(found).toEqual(files);
    expect(Object.keys(found)).toEqual(Object.keys(files).sort());
  });

  it("is the same bytes in whatever pieces and order of files", async () => {
    const made = tar();
    const whole = await bytes(made.slice(0, made.size));
    for (const step of [511, 512, 700, 4096]) {
      const pieces: number[] = [];
      for (let k = 0; k < made.size; k += step)
        pieces.push(...(await bytes(made.slice(k, Math.min(made.size, k + step)))));
      expect(Uint8Array.from(pieces)).toEqual(whole);
    }
    const turned = new Tar(
      "photos.tar",
      Object.entries(files)
        .reverse()
        .map(([path, words]) => ({ path, file: new Blob([words]) })),
    );
    expect(await bytes(turned.slice(0, turned.size))).toEqual(whole);
  });

  it("has the header that POSIX describes, byte by byte", () => {
    const expected = new Uint8Array(512);
    const put = (at: number, words: string) => expected.set(new TextEncoder().encode(words), at);
    put(0, "a/1.png");
    put(100, "0000644\u00000000000\u00000000000\u000000000000017\u000000000000000\u0000");
    put(148, "006753\0 0");
    put(257, "ustar\u000000");
    const sum = header("a/1.png", 15).reduce((total, byte, k) => total + (k >= 148 && k < 156 ? 32 : byte), 0);
    put(148, `${sum.toString(8).padStart(6, "0")}\0 0`);
    expect(header("a/1.png", 15)).toEqual(expected);
  });

  it("says the size of a huge file in a record of its own", () => {
    const head = header("huge.bin", 9 * 2 ** 30);
    expect(head.length).toBe(3 * 512);
    expect(records(head.slice(512, 512 + octal(head.slice(124, 136))))).toEqual({ size: String(9 * 2 ** 30) });
  });

  it("of nothing is an empty tar", async () => {
    const made = new Tar("empty.tar", []);
    expect(await bytes(made.slice(0, made.size))).toEqual(new Uint8Array(1024));
  });
});

it("says which of its files cannot be read", async () => {
  const gone = Object.assign(new Blob(["x"]), {
    slice: () =>
      Object.assign(new Blob(), { arrayBuffer: () => Promise.reject(new DOMException("", "NotFoundError")) }),
  });
  const tar = new Tar("a.tar", [
    { path: "a/1.png", file: new Blob(["1"]) },
    { path: "a/2.png", file: gone },
  ]);
  expect(await tar.unreadable(0, tar.size)).toBe("a/2.png");
  expect(await tar.unreadable(0, 1024)).toBe(null);
});
