import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { away, Problem } from "../api/problem";
import type { Standing } from "./delivery";
import type { Kept } from "./kept";
import { memory, said } from "./kept-of-tests";
import { Outbox } from "./outbox";
import { PREFIX, Shelf } from "./shelf";

const refusal = (detail: string, status = 422, body = {}) => new Problem("no", detail, status, false, body);

/** A service that writes what it is told, each id once; it refuses or fails where `fault` says so. */
function service(fault: (some: readonly Kept[]) => Error | null = () => null) {
  const written = new Map<string, number>();
  const requests: string[][] = [];
  const deliver = async (some: readonly Kept[]): Promise<Standing[]> => {
    requests.push(some.map(({ saying }) => saying.id));
    const error = fault(some);
    if (error) throw error;
    for (const { saying } of some) written.set(saying.id, (written.get(saying.id) ?? 0) + 1);
    return [];
  };
  return { written, requests, deliver };
}

const asOne = (ids: string[], why: string) => (some: readonly Kept[]) =>
  some.some(({ saying }) => ids.includes(saying.id)) ? refusal(why) : null;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());
const settled = () => vi.advanceTimersByTimeAsync(0);

describe("what is sent", () => {
  it("goes in order, what one person says of one audit together, and is let go of only when it is written", async () => {
    const store = memory();
    const { requests, deliver } = service();
    for (const one of [
      said("a", { at: 2 }),
      said("b", { at: 3 }),
      said("c", { at: 1 }),
      said("d", { at: 4, audit: "B" }),
    ])
      new Shelf(store).put(one);
    const box = new Outbox(new Shelf(store), deliver);
    expect(box.state()).toMatchObject({ waiting: 4, refused: [] });
    await box.send();
    expect(requests).toEqual([["c", "a", "b"], ["d"]]);
    expect(store.length).toBe(0);
    expect(box.state().waiting).toBe(0);
  });

  it("keeps what was said in order though the clock goes back", () => {
    const box = new Outbox(new Shelf(memory()), service(() => away()).deliver);
    vi.setSystemTime(5000);
    box.add(said("decision"));
    vi.setSystemTime(1000);
    box.add(said("undo"));
    expect(box.of("A").map(({ saying }) => saying.id)).toEqual(["decision", "undo"]);
  });

  it("waits and asks again while the service is away, and says why", async () => {
    let gone = true;
    const store = memory();
    const { written, deliver } = service(() => (gone ? away() : null));
    const box = new Outbox(new Shelf(store), deliver);
    box.add(said("a"));
    await settled();
    expect(box.state()).toMatchObject({ waiting: 1, trouble: "The service does not answer.", refused: [] });
    expect(store.length).toBe(1);
    gone = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect([...written]).toEqual([["a", 1]]);
    expect(box.state()).toMatchObject({ waiting: 0, trouble: null });
    expect(store.length).toBe(0);
  });

  it.each([
    ["no answer of the service", new Problem("unknown", "nginx", 404, false)],
    ["too busy", new Problem("slow-down", "later", 429, false)],
    ["signed out", new Problem("unauthenticated", "the key", 401, false)],
    ["something odd", new SyntaxError("Unexpected token <")],
  ])("takes %s for no refusal", async (_, error) => {
    const store = memory();
    const box = new Outbox(new Shelf(store), service(() => error).deliver);
    box.add(said("a"));
    await settled();
    expect(box.state()).toMatchObject({ waiting: 1, trouble: error.message, refused: [] });
    expect(store.length).toBe(1);
  });

  it("says nothing is done when there is no room", () => {
    const store = memory(0);
    const box = new Outbox(new Shelf(store), service().deliver);
    expect(() => box.add(said("a"))).toThrow(DOMException);
    expect(box.state().waiting).toBe(0);
  });
});

describe("what is refused", () => {
  it("is set aside alone, and all others are written once", async () => {
    const store = memory();
    const ids = Array.from({ length: 1000 }, (_, k) => `d${k}`);
    for (const [k, id] of ids.entries()) new Shelf(store).put(said(id, { at: k }));
    const { written, requests, deliver } = service(asOne(["d0", "d700", "d701"], "no such class"));
    const box = new Outbox(new Shelf(store), deliver);
    await box.send();
    expect(box.state().refused.map(({ id, why }) => [id, why])).toEqual(
      ["d0", "d700", "d701"].map((id) => [id, "no such class"]),
    );
    expect(written.size).toBe(997);
    expect([...written.values()].every((times) => times === 1)).toBe(true);
    expect(requests.length).toBeLessThan(70);
    expect(store.length).toBe(3); // and is kept
    expect(box.state().waiting).toBe(0);
  });

  it("does not hold up another audit, nor what is said later", async () => {
    const { written, requests, deliver } = service(([first]) =>
      first?.audit === "gone" ? refusal("no audit", 404) : null,
    );
    const box = new Outbox(new Shelf(memory()), deliver);
    for (const id of ["g1", "g2", "g3"]) box.add(said(id, { audit: "gone" }));
    box.add(said("a"));
    await settled();
    box.add(said("b"));
    await settled();
    expect([...written.keys()]).toEqual(["a", "b"]);
    expect(requests).toEqual([["g1"], ["g2", "g3"], ["a"], ["b"]]); // an audit that is gone is gone for all
    expect(box.state().refused).toHaveLength(3);
  });

  it("is asked about once where it is about who says it", async () => {
    const store = memory();
    for (const id of ["a", "b", "c"]) new Shelf(store).put(said(id));
    const why = refusal("a name", 422, { errors: [{ in: "body", pointer: "/reviewer", code: "x", detail: "y" }] });
    const { requests, deliver } = service(() => why);
    const box = new Outbox(new Shelf(store), deliver);
    await box.send();
    expect(requests).toHaveLength(1);
    expect(box.state().refused).toHaveLength(3);
  });

  it("is gone when somebody lets go of it, and nothing else is", async () => {
    const store = memory();
    const { written, deliver } = service((some) => asOne(["bad"], "no")(some) ?? (written.size > 0 ? away() : null));
    const box = new Outbox(new Shelf(store), deliver);
    const gone: string[] = [];
    box.onLetGo((kept) => gone.push(...kept.map(({ saying }) => saying.id)));
    for (const id of ["good", "bad", "waits"]) box.add(said(id));
    await settled();
    expect(box.discard(["bad", "waits", "unheard of"])).toBe(1);
    expect(gone).toEqual(["bad"]);
    expect(store.keys()).toEqual([`${PREFIX}waits`]);
    expect(box.state()).toMatchObject({ waiting: 1, refused: [] });
  });

  it("is tried once more when the page is loaded", async () => {
    const store = memory();
    const first = new Outbox(new Shelf(store), service(() => refusal("no")).deliver);
    first.add(said("a"));
    await settled();
    expect(first.state().refused).toHaveLength(1);
    const { written, deliver } = service();
    await new Outbox(new Shelf(store), deliver).send();
    expect([...written]).toEqual([["a", 1]]);
    expect(store.length).toBe(0);
  });
});

describe("other tabs", () => {
  it("have what they kept sent by this one when they are closed before they could", async () => {
    const store = memory();
    const { written, deliver } = service();
    const box = new Outbox(new Shelf(store), deliver);
    for (const id of ["theirs", "sent in time"]) {
      new Shelf(store).put(said(id));
      box.hear({ key: PREFIX + id, newValue: store.getItem(PREFIX + id) });
    }
    await settled();
    expect(written.size).toBe(0); // the tab that said it has the first turn
    store.removeItem(`${PREFIX}sent in time`);
    await vi.advanceTimersByTimeAsync(20_000);
    expect([...written.keys()]).toEqual(["theirs"]);
    expect(store.length).toBe(0);
  });

  it("let go for all tabs of what was refused, but not of what waits here", async () => {
    const store = memory();
    const { deliver } = service((some) => asOne(["bad"], "no")(some) ?? away());
    const box = new Outbox(new Shelf(store), deliver);
    for (const id of ["bad", "waits"]) box.add(said(id));
    await settled();
    for (const id of ["bad", "waits"]) box.hear({ key: PREFIX + id, newValue: null });
    box.hear({ key: "labelaudit.reviewer", newValue: null });
    expect(box.state()).toMatchObject({ waiting: 1, refused: [] });
  });
});

describe("odd storage", () => {
  it("sets aside what is no decision, and sends the others", async () => {
    const store = memory();
    const odd = [
      "{",
      "null",
      "7",
      '{"audit":"A"}',
      '{"audit":"A","reviewer":"ann","source":"list","at":1,"saying":{}}',
    ];
    for (const [k, text] of odd.entries()) store.setItem(`${PREFIX}odd${k}`, text);
    store.setItem(`${PREFIX}of another name`, JSON.stringify(said("b")));
    new Shelf(store).put(said("a"));
    const { written, deliver } = service();
    const box = new Outbox(new Shelf(store), deliver);
    await box.send();
    expect([...written.keys()]).toEqual(["a"]);
    expect(box.state().refused).toHaveLength(odd.length + 1);
    expect(store.length).toBe(odd.length + 1);
    box.discard(box.state().refused.map(({ id }) => id));
    expect(store.length).toBe(0);
  });

  it("sends from memory where a browser stores nothing, and says so", async () => {
    const { written, deliver } = service();
    const box = new Outbox(new Shelf(null), deliver);
    expect(box.state().lasts).toBe(false);
    box.add(said("a"));
    expect(box.state().waiting).toBe(1);
    await settled();
    expect([...written]).toEqual([["a", 1]]);
  });
});
