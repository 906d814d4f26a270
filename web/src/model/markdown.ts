/** A small part of Markdown, read into blocks: what the cards of models are written in. Never HTML. */
export type Inline = { kind: "text" | "code" | "strong"; text: string } | { kind: "link"; text: string; href: string };
export type Block =
  | { kind: "heading"; level: number; content: Inline[] }
  | { kind: "paragraph"; content: Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "list"; ordered: boolean; items: Inline[][] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] };

const FENCE = /^(```+|~~~+)\s*([\w+-]*)\s*$/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^\s{0,3}(?:[-*+]|(\d+)[.)])\s+(.*)$/;
const RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^()\s]+)\)/g;

export function blocksOf(text: string): Block[] {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    const [block, next] = blockAt(lines, at);
    if (block) blocks.push(block);
    at = next;
  }
  return blocks;
}

/** The block that begins at a line, and the line after it. */
function blockAt(lines: readonly string[], at: number): [Block | null, number] {
  const line = lines[at] ?? "";
  if (!line.trim()) return [null, at + 1];
  const fence = FENCE.exec(line);
  if (fence) return codeAt(lines, at, fence[1] ?? "```", fence[2] ?? "");
  const heading = HEADING.exec(line);
  if (heading)
    return [{ kind: "heading", level: heading[1]?.length ?? 1, content: inlineOf(heading[2] ?? "") }, at + 1];
  if (line.includes("|") && RULE.test(lines[at + 1] ?? "") && (lines[at + 1] ?? "").includes("|"))
    return tableAt(lines, at);
  if (ITEM.test(line)) return listAt(lines, at);
  return paragraphAt(lines, at);
}

function codeAt(lines: readonly string[], at: number, fence: string, language: string): [Block, number] {
  let end = at + 1;
  while (end < lines.length && lines[end]?.trimEnd() !== fence) end++;
  return [{ kind: "code", language, text: lines.slice(at + 1, end).join("\n") }, end + 1];
}

function tableAt(lines: readonly string[], at: number): [Block, number] {
  let end = at + 2;
  while (end < lines.length && lines[end]?.includes("|")) end++;
  return [{ kind: "table", head: cells(lines[at] ?? ""), rows: lines.slice(at + 2, end).map(cells) }, end];
}

const cells = (line: string): Inline[][] =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => inlineOf(cell.trim()));

function listAt(lines: readonly string[], at: number): [Block, number] {
  const items: string[] = [];
  let end = at;
  for (; end < lines.length; end++) {
    const line = lines[end] ?? "";
    const item = ITEM.exec(line);
    if (item) items.push(item[2] ?? "");
    else if (/^\s+\S/.test(line) && items.length > 0) items[items.length - 1] += ` ${line.trim()}`;
    else break;
  }
  return [{ kind: "list", ordered: ITEM.exec(lines[at] ?? "")?.[1] !== undefined, items: items.map(inlineOf) }, end];
}

function paragraphAt(lines: readonly string[], at: number): [Block, number] {
  let end = at + 1;
  const goesOn = (line: string) => line.trim() && !FENCE.test(line) && !HEADING.test(line) && !ITEM.test(line);
  while (end < lines.length && goesOn(lines[end] ?? "")) end++;
  const text = lines.slice(at, end).map((line) => line.trim());
  return [{ kind: "paragraph", content: inlineOf(text.join(" ")) }, end];
}

/** Code, strong words and links to web pages; everything else is text as it stands. */
export function inlineOf(text: string): Inline[] {
  const found: Inline[] = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, strong, name, href] = match;
    if (match.index > from) found.push({ kind: "text", text: text.slice(from, match.index) });
    if (code !== undefined) found.push({ kind: "code", text: code });
    else if (strong !== undefined) found.push({ kind: "strong", text: strong });
    else if (name !== undefined && href !== undefined && /^https?:\/\//.test(href))
      found.push({ kind: "link", text: name, href });
    else found.push({ kind: "text", text: whole });
    from = match.index + whole.length;
  }
  if (from < text.length) found.push({ kind: "text", text: text.slice(from) });
  return found;
}
