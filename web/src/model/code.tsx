import { plural } from "../ui/format";
import { Copy } from "./copy";

const LONG = 30;

/** Code to copy; long code is folded. */
export function Code({ text, what }: { text: string; what: string }) {
  const lines = text.split("\n").length;
  const code = <pre className="code">{text}</pre>;
  return (
    <div className="code-block">
      <div className="code-copy">
        <Copy text={text} what={what} />
      </div>
      {lines > LONG ? (
        <details>
          <summary>
            {plural(lines, "line")} of {what}
          </summary>
          {code}
        </details>
      ) : (
        code
      )}
    </div>
  );
}
