import { Problem } from "../api/problem";

/** Bytes to be sent, that are read as they are needed. */
export interface Source {
  readonly name: string;
  readonly size: number;
  slice(from: number, to: number): Blob;
  /** The file between two places that cannot be read, where there are several. */
  unreadable?(from: number, to: number): Promise<string | null>;
}

/** The bytes from one place to another. A file that was changed or taken away since it was chosen is noticed here. */
export async function read(source: Source, from: number, to: number): Promise<ArrayBuffer> {
  try {
    return await source.slice(from, to).arrayBuffer();
  } catch {
    const file = await source.unreadable?.(from, to);
    const [what, again] = file ? [`The file ${file}`, "the folder"] : ["The file", "it"];
    const detail = `${what} cannot be read any more: it was changed, moved or removed. Choose ${again} again.`;
    throw new Problem("file-unreadable", detail, 0, false);
  }
}
