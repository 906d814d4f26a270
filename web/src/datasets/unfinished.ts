import { remember, remembered } from "../ui/stored";
import { giveUp } from "./tus";

/** Uploads that this browser began: where they are at the service, by the fingerprint of what is sent. */
export interface Begun {
  readonly address: string;
  readonly name: string;
  readonly size: number;
  readonly at: number;
  readonly whole?: boolean; // all is sent, and a dataset may have been made of it
}

const KEY = "uploads";
const MOST = 20;

export function begun(): Record<string, Begun> {
  try {
    const all: unknown = JSON.parse(remembered(KEY) ?? "{}");
    return typeof all === "object" && all !== null ? (all as Record<string, Begun>) : {};
  } catch {
    return {};
  }
}

export function begin(fingerprint: string, upload: Begun): void {
  const others = Object.entries(begun()).filter(([key]) => key !== fingerprint);
  const newest = others.sort(([, one], [, other]) => other.at - one.at).slice(0, MOST - 1);
  remember(KEY, JSON.stringify(Object.fromEntries([[fingerprint, upload], ...newest])));
}

export function whole(fingerprint: string): void {
  const upload = begun()[fingerprint];
  if (upload) begin(fingerprint, { ...upload, whole: true });
}

export function forget(fingerprint: string): void {
  remember(KEY, JSON.stringify(Object.fromEntries(Object.entries(begun()).filter(([key]) => key !== fingerprint))));
}

/** Have the service remove what it has; what it is not told of expires there by itself. */
export function abandon(fingerprint: string): void {
  const address = begun()[fingerprint]?.address;
  forget(fingerprint);
  if (address) void giveUp(address).catch(() => {});
}
