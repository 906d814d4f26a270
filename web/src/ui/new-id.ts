/** A random UUID (version 4). `crypto.randomUUID` would do, but browsers have it only over HTTPS and on this machine. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const digits = [...bytes].map((byte, k) => {
    const marked = k === 6 ? (byte & 0x0f) | 0x40 : k === 8 ? (byte & 0x3f) | 0x80 : byte;
    return marked.toString(16).padStart(2, "0");
  });
  return [0, 4, 6, 8, 10].map((from, k, all) => digits.slice(from, all[k + 1]).join("")).join("-");
}
