import { Fragment, type ReactNode } from "react";
import { Code } from "./code";
import { type Block, blocksOf, type Inline } from "./markdown";

/** Markdown as elements of our own; its headings stand below that of the card they are in. */
export function Markdown({ text }: { text: string }) {
  return <div className="markdown">{numbered(blocksOf(text), (block) => blockView(block))}</div>;
}

/** A text never changes, so the place of a part is its name. */
const numbered = <T,>(parts: readonly T[], view: (part: T) => ReactNode): ReactNode[] =>
  [...parts.entries()].map(([place, part]) => <Fragment key={place}>{view(part)}</Fragment>);

function blockView(block: Block): ReactNode {
  switch (block.kind) {
    case "heading":
      return block.level < 2 ? <h3>{inline(block.content)}</h3> : <h4>{inline(block.content)}</h4>;
    case "paragraph":
      return <p>{inline(block.content)}</p>;
    case "code":
      return <Code text={block.text} what={block.language ? `${block.language} code` : "code"} />;
    case "list": {
      const items = numbered(block.items, (item) => <li>{inline(item)}</li>);
      return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case "table":
      return (
        <table>
          <thead>
            <tr>
              {numbered(block.head, (cell) => (
                <th scope="col">{inline(cell)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {numbered(block.rows, (row) => (
              <tr>
                {numbered(row, (cell) => (
                  <td>{inline(cell)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
  }
}

const inline = (content: readonly Inline[]): ReactNode => numbered(content, inlineView);

function inlineView(part: Inline): ReactNode {
  switch (part.kind) {
    case "code":
      return <code>{part.text}</code>;
    case "strong":
      return <strong>{part.text}</strong>;
    case "link":
      return (
        <a href={part.href} rel="noreferrer">
          {part.text}
        </a>
      );
    case "text":
      return part.text;
  }
}
