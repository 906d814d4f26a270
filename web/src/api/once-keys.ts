import { newId } from "../ui/new-id";

/** Keys under which the service does a request once, however often a button is pressed or an answer lost. */
export class OnceKeys {
  #keys = new Map<string, string>();

  /** The key of a request as it stands. */
  of(request: unknown): string {
    const said = JSON.stringify(request);
    const key = this.#keys.get(said) ?? newId();
    this.#keys.set(said, key);
    return key;
  }

  /** It is done: the same request is another one from now on. */
  done(request: unknown): void {
    this.#keys.delete(JSON.stringify(request));
  }
}
