// Makes the types of the client from the service's own description, which `scripts/openapi.py` prints.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const from = new URL("../openapi.json", import.meta.url);
const to = new URL("../src/api/schema.d.ts", import.meta.url);

const text = astToString(await openapiTS(JSON.parse(await readFile(from, "utf8"))));
await writeFile(to, text);
