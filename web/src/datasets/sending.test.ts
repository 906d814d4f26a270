import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { count, file, first, freshBrowser, hangs, PATIENCE, problem, service, until } from "./testing";
import { begun } from "./unfinished";
import { Uploads } from "./uploads";

/** What happens beside the sending: what is chosen again, other tabs, proxies, and a service that is away at the end. */
beforeEach(freshBrowser);
afterEach(() => vi.unstubAllGlobals());

/** A service that is away when a dataset shall be made, until it is back. */
function awayAtTheEnd() {
  const state = { away: true };
  const calls = service((_, address) =>
    state.away && address === "/v1/datasets" ? problem(503, "overloaded", true) : null,
  );
  return { calls, state };
}

it("does not make a dataset of what was cancelled while the service was away", async () => {
  const { calls, state } = awayAtTheEnd();
  const uploads = new Uploads();
  uploads.add(file());
  await until(uploads, "waiting");
  uploads.cancel(first(uploads));
  state.away = false;
  window.dispatchEvent(new Event("online")); // which ends every pause
  await vi.waitFor(() => expect(calls).toContain("DELETE /v1/uploads/u1"), PATIENCE);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(count(calls, "POST /v1/datasets")).toBe(1);
  expect([uploads.all(), begun()]).toEqual([[], {}]);
});

it("does not send all of it again after a pause at the end, nor after a reload there", async () => {
  for (const reloaded of [false, true]) {
    freshBrowser();
    const { calls, state } = awayAtTheEnd();
    let uploads = new Uploads();
    uploads.add(file());
    await until(uploads, "waiting");
    uploads.pause(first(uploads));
    state.away = false;
    window.dispatchEvent(new Event("online"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(uploads.all()[0]?.state).toBe("paused");
    if (reloaded) {
      uploads.dismiss(first(uploads));
      uploads = new Uploads();
      uploads.add(file());
    } else uploads.resume(first(uploads));
    await until(uploads, "done");
    expect(uploads.all()[0]?.dataset?.id).toBe("d1");
    expect(count(calls, "PATCH /v1/uploads/u1")).toBe(1);
    expect(count(calls, "POST /v1/datasets")).toBe(2);
    expect(begun()).toEqual({});
  }
});

it("goes on when a file that could not be read is chosen again, with what was sent", async () => {
  const calls = service();
  const uploads = new Uploads();
  let reads = 0;
  uploads.add(file("abc", () => ++reads > 2)); // its ends could be read
  await until(uploads, "unreadable");
  expect(Object.values(begun())).toHaveLength(1);
  uploads.add(file());
  await until(uploads, "done");
  expect(calls).not.toContain("DELETE /v1/uploads/u1");
  expect(count(calls, "POST /v1/uploads")).toBe(1);
});

it("lets what is paused give way to the same that is chosen again", async () => {
  service((method, _, { signal }) => (method === "PATCH" ? hangs(signal) : null));
  const uploads = new Uploads();
  uploads.add(file());
  await vi.waitFor(() => expect(Object.keys(begun())).toHaveLength(1), PATIENCE);
  uploads.pause(first(uploads));
  uploads.add(file());
  await vi.waitFor(() => expect(uploads.all()).toMatchObject([{ id: "2", state: "sending", resumed: true }]), PATIENCE);
});

it("sends two at once, and the next when one ends or rests", async () => {
  service((method, _, { signal }) => (method === "PATCH" ? hangs(signal) : null));
  const uploads = new Uploads();
  for (const words of ["one", "two, which is longer", "three"]) uploads.add(file(words));
  const states = () => uploads.all().map(({ state }) => state);
  await vi.waitFor(() => expect(states()).toEqual(["queued", "looking", "looking"]), PATIENCE);
  expect(uploads.busy()).toBe(true);
  uploads.pause(uploads.all()[2]?.id ?? "");
  await vi.waitFor(() => expect(states()).toEqual(["looking", "looking", "paused"]), PATIENCE);
});

it("neither sends nor removes what another tab has", async () => {
  const calls = service((method, _, { signal }) => (method === "PATCH" ? hangs(signal) : null));
  const [here, there] = [new Uploads(), new Uploads()];
  there.add(file());
  await vi.waitFor(() => expect(calls).toContain("PATCH /v1/uploads/u1"), PATIENCE);
  const before = calls.length;
  expect([...(await here.elsewhere())]).toEqual(Object.keys(begun()));
  here.add(file());
  await until(here, "failed");
  expect(here.all()[0]?.why).toMatch(/Another tab/);
  here.cancel(first(here));
  expect(calls.slice(before)).toEqual([]);
  there.cancel(first(there));
  expect([...(await here.elsewhere())]).toEqual([]);
});

it("keeps what was sent when a proxy refuses, and removes it when the service does", async () => {
  for (const [answer, state, removed] of [
    [() => new Response("<html>", { status: 413 }), "failed", 0],
    [() => problem(415, "unsupported-archive"), "refused", 1],
  ] as const) {
    freshBrowser();
    const calls = service((_, address) => (address === "/v1/datasets" ? answer() : null));
    const uploads = new Uploads();
    uploads.add(file());
    await until(uploads, state);
    expect(count(calls, "DELETE /v1/uploads/u1")).toBe(removed);
    expect(Object.keys(begun())).toHaveLength(1 - removed);
  }
});

it("begins anew when it is tried again after the service had removed what was whole", async () => {
  let gone = true;
  const calls = service((_, address) => (gone && address === "/v1/datasets" ? problem(410, "upload-expired") : null));
  const uploads = new Uploads();
  uploads.add(file());
  await until(uploads, "failed");
  gone = false;
  uploads.resume(first(uploads));
  await vi.waitFor(() => expect(count(calls, "POST /v1/uploads")).toBe(2), PATIENCE);
});
