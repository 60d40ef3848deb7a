/** Handing a file to the person: the browser keeps it where downloads go. */

/** The browser reads the address after the click, in its own time. */
const RELEASE_MS = 60_000;

export function saveFile(bytes: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(bytes);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), RELEASE_MS);
}
