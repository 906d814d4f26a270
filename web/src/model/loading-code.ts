/** How to fetch the files of a model, as commands. */
export const MODEL_FILES = ["model.safetensors", "config.json", "labels.json", "README.md"] as const;

export const fileAddress = (audit: string, name: string): string => `/v1/audits/${audit}/model/${name}`;

/** Fetches every file and checks it against what the service says of it. */
export const fetching = (origin: string, audit: string, hashes: ReadonlyMap<string, string>): string =>
  [
    "mkdir model && cd model",
    `for file in ${MODEL_FILES.join(" ")}; do curl -fO ${origin}${fileAddress(audit, "$file")}; done`,
    "sha256sum -c <<'END'",
    ...MODEL_FILES.flatMap((name) => (hashes.has(name) ? [`${hashes.get(name)}  ${name}`] : [])),
    "END",
  ].join("\n");
