import { size } from "../ui/format";
import { Card, Head } from "../ui/parts";
import { Code } from "./code";
import { Copy } from "./copy";
import type { FileOf } from "./files-of";
import { fetching, fileAddress, MODEL_FILES } from "./loading-code";

const WHAT: Record<(typeof MODEL_FILES)[number], string> = {
  "model.safetensors": "the weights",
  "config.json": "the network and how images are prepared",
  "labels.json": "class names in the order of the logits",
  "README.md": "the card below, with code that loads it",
};

/** The files of a model with their sizes and hashes, and how to fetch them all. */
export function Files({ auditId, files }: { auditId: string; files: readonly FileOf[] }) {
  const known = new Map(files.map((file) => [file.name, file]));
  const hashes = new Map(files.map(({ name, sha256 }) => [name, sha256]));
  return (
    <Card title="Files">
      <div className="wide-table">
        <table className="model-files">
          <Head columns={["File", ["Size", "number"], "SHA-256"]} />
          <tbody>
            {MODEL_FILES.map((name) => {
              const file = known.get(name);
              return (
                <tr key={name}>
                  <th scope="row">
                    <a href={fileAddress(auditId, name)} download={name}>
                      {name}
                    </a>
                    <br />
                    <span className="muted">{WHAT[name]}</span>
                  </th>
                  <td className="number">{file ? size(file.size) : "unknown"}</td>
                  <td>
                    {file && (
                      <span className="hash">
                        <code className="path">{file.sha256}</code>
                        <Copy text={file.sha256} what={`the SHA-256 of ${name}`} />
                      </span>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <h3>All of them, checked</h3>
      <Code text={fetching(window.location.origin, auditId, hashes)} what="commands that fetch the files" />
      <p className="muted">
        The card’s code loads them without labelaudit. A later audit can start from the weights: put the file into the
        weights folder of its worker and name it as <code>weights</code>.
      </p>
    </Card>
  );
}
