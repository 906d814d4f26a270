import type { Source } from "./source";
import { type Member, Tar } from "./tar";

/**
 * What a person chose or dropped, as what will be uploaded: each archive as it is, everything else together as one tar.
 */
export interface Chosen {
  readonly source: Source;
  readonly modified: number; // ms, of the newest file
}

export interface Found {
  readonly path: string;
  readonly file: File;
}

const ARCHIVE = /\.(zip|npz|tar|tgz|tar\.gz|tar\.zst|tzst)$/i;
const NAME_ENDS = /\.(zip|npz|tar|tgz|tar\.gz|tar\.zst|tzst|parquet)$/i;
const LONGEST = 255;
const NAMED = 5;

export function chosen(found: readonly Found[]): Chosen[] {
  const [only] = found;
  if (only && found.length === 1 && !only.path.includes("/")) return [whole(only.file)];
  const archives = found.filter(({ path }) => !path.includes("/") && ARCHIVE.test(path));
  const rest = found.filter((one) => !archives.includes(one));
  return [...archives.map(({ file }) => whole(file)), ...(rest.length > 0 ? [together(rest)] : [])];
}

const whole = (file: File): Chosen => ({
  source: { name: file.name, size: file.size, slice: (from, to) => file.slice(from, to) },
  modified: file.lastModified,
});

function together(found: readonly Found[]): Chosen {
  const members: Member[] = found.map(({ path, file }) => ({ path, file }));
  const modified = found.reduce((newest, { file }) => Math.max(newest, file.lastModified), 0);
  return { source: new Tar(`${nameOf(found.map(({ path }) => path))}.tar`, members), modified };
}

/** The folder that all are in, or else the first few names. */
export function nameOf(paths: readonly string[]): string {
  const tops = [...new Set(paths.map((path) => path.split("/")[0] ?? path))];
  return tops.slice(0, 3).join(", ") + (tops.length > 3 ? " and others" : "");
}

/** What the dataset is called: the file's name without its end, as the service takes names. */
export function datasetName(file: string): string {
  const name = [...file.replace(NAME_ENDS, "")]
    .map((c) => (c < " " || c === "\u007f" ? " " : c))
    .join("")
    .trim();
  return name.slice(0, LONGEST) || "untitled";
}

export const ofInput = (files: FileList): Found[] =>
  [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

/** What was found, and what could not be read: a file that is gone or may not be read, or a whole folder. */
export interface Looked {
  readonly found: readonly Found[];
  readonly unreadable: readonly string[];
}

/** Everything that was dropped, with all that is in its folders. It must be called before the event is over. */
export function ofDrop(transfer: DataTransfer): Promise<Looked> {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry?.() ?? null)
    .filter((entry) => entry !== null);
  if (entries.length === 0) return Promise.resolve({ found: ofInput(transfer.files), unreadable: [] });
  return walked(entries);
}

async function walked(entries: readonly FileSystemEntry[]): Promise<Looked> {
  const found: Found[] = [];
  const unreadable: string[] = [];
  const waiting = [...entries];
  for (let entry = waiting.pop(); entry; entry = waiting.pop()) {
    const path = entry.fullPath.replace(/^\//, "") || entry.name;
    try {
      if (isFile(entry)) found.push({ path, file: await fileOf(entry) });
      else if (isFolder(entry)) waiting.push(...(await entriesOf(entry)));
    } catch {
      unreadable.push(path);
    }
  }
  return { found, unreadable };
}

/** What to say of what could not be read. */
export function leftOut({ found, unreadable }: Looked): string | null {
  if (unreadable.length === 0) return found.length === 0 ? "There are no files in what you chose." : null;
  const named = unreadable.slice(0, NAMED).join(", ") + (unreadable.length > NAMED ? ", …" : "");
  const what = unreadable.length === 1 ? "1 file or folder" : `${unreadable.length} files or folders`;
  return `${what} could not be read${found.length > 0 ? "; all else is sent" : ""}: ${named}`;
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
const fileOf = (entry: FileSystemFileEntry) => new Promise<File>((resolve, reject) => entry.file(resolve, reject));

/** A folder tells its entries a hundred at a time, until it tells none. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  while (true) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
