import { read, type Source } from "./source";
import { Tar } from "./tar";

/** By what a file is known again after a reload: its name, size and time, and a hash of its ends. */
const END = 1024 * 1024;

export async function fingerprint(source: Source, modified: number): Promise<string> {
  const first = await read(source, 0, Math.min(END, source.size));
  const last = await read(source, Math.max(0, source.size - END), source.size);
  const ends = new Uint8Array(await new Blob([first, last]).arrayBuffer());
  const kind = source instanceof Tar ? "folder" : "file";
  return hash(ends, `${kind}/${source.name}/${source.size}/${modified}`);
}

/** 53 bits (cyrb53). It tells files apart that nobody made to be confused; browsers offer better ones only over HTTPS. */
export function hash(bytes: Uint8Array, salt = ""): string {
  let [h1, h2] = [0xdeadbeef, 0x41c6ce57];
  const take = (value: number) => {
    h1 = Math.imul(h1 ^ value, 2654435761);
    h2 = Math.imul(h2 ^ value, 1597334677);
  };
  for (let k = 0; k < salt.length; k++) take(salt.charCodeAt(k));
  for (const byte of bytes) take(byte);
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909);
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909);
  return (4294967296 * (2097151 & h2) + (h1 >>> 0)).toString(16).padStart(14, "0");
}
