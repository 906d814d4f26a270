export interface FileOf {
  name: string;
  size: number;
  sha256: string;
}

/** The files of an audit as the service lists them; what has no size and no hash is no file. */
export function filesOf(listed: Readonly<Record<string, unknown>> | null): FileOf[] {
  return Object.entries(listed ?? {}).flatMap(([name, file]) =>
    typeof file === "object" &&
    file !== null &&
    "size" in file &&
    typeof file.size === "number" &&
    "sha256" in file &&
    typeof file.sha256 === "string"
      ? [{ name, size: file.size, sha256: file.sha256 }]
      : [],
  );
}
