/**
 * A small cupboard in the browser (IndexedDB): what was read lately, and what waits to leave (publications in `outbox`, changes to pages in `pages`).
 *
 * Every call answers even when the browser refuses storage (private windows): then memory serves.
 */

const NAME = "archipel";
/** Raised when a shelf is added. */
const VERSION = 2;
export type Shelf = "cache" | "outbox" | "pages";
const SHELVES: readonly Shelf[] = ["cache", "outbox", "pages"];

const memory: Record<Shelf, Map<string, unknown>> = { cache: new Map(), outbox: new Map(), pages: new Map() };
let opening: Promise<IDBDatabase | null> | undefined;

function open(): Promise<IDBDatabase | null> {
  opening ??= new Promise((resolve) => {
    if (typeof indexedDB === "undefined") return resolve(null);
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      for (const shelf of SHELVES) {
        if (!request.result.objectStoreNames.contains(shelf)) request.result.createObjectStore(shelf);
      }
    };
    request.onsuccess = () => {
      // A newer version of the page, in another tab, must not wait for this one.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
    request.onerror = () => resolve(null);
    request.onblocked = () => resolve(null);
  });
  return opening;
}

async function act<T>(
  shelf: Shelf,
  mode: IDBTransactionMode,
  run: (store: IDBObjectStore) => { readonly result: T },
  otherwise: () => T,
): Promise<T> {
  const db = await open();
  if (db === null) return otherwise();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = db.transaction(shelf, mode);
      const request = run(transaction.objectStore(shelf));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error ?? new Error("storage failed"));
      transaction.onabort = () => reject(transaction.error ?? new Error("storage aborted"));
    });
  } catch {
    return otherwise();
  }
}

/** Keeps a value that can be cloned; resolves once the browser has it. */
export async function put(shelf: Shelf, key: string, value: unknown): Promise<void> {
  await act<unknown>(shelf, "readwrite", (s) => s.put(value, key), () => memory[shelf].set(key, value));
}

/** What was kept under the key; whoever asks checks its shape. */
export function get(shelf: Shelf, key: string): Promise<unknown> {
  return act<unknown>(shelf, "readonly", (s) => s.get(key), () => memory[shelf].get(key));
}

/** Everything on the shelf, in the order of its keys. */
export function all(shelf: Shelf): Promise<unknown[]> {
  return act<unknown[]>(
    shelf,
    "readonly",
    (s) => s.getAll(),
    () => [...memory[shelf].values()],
  );
}

export async function remove(shelf: Shelf, key: string): Promise<void> {
  await act<unknown>(shelf, "readwrite", (s) => s.delete(key), () => memory[shelf].delete(key));
}

export async function clear(shelf: Shelf): Promise<void> {
  await act<unknown>(shelf, "readwrite", (s) => s.clear(), () => memory[shelf].clear());
}
