/** Files on their way to this site, with progress; kept in the browser when the line is cut. */

import { FILE_BYTES_MAX, uploadFile } from "../api/posts";
import type { Attachment } from "../api/schema/post";
import { explain, explainCode, isUnreachable } from "./errors";
import type { WaitingFile } from "./outbox.svelte";

export class Upload {
  sent = $state(0);
  state = $state<"sending" | "kept" | "later" | "failed">("sending");
  error = $state<string | null>(null);
  attachment = $state<Attachment | null>(null);
  /** A picture to look at while the bytes travel. */
  readonly picture: string | null;
  readonly #cancel = new AbortController();

  constructor(
    readonly file: Blob,
    readonly name: string,
  ) {
    this.picture = file.type.startsWith("image/") ? URL.createObjectURL(file) : null;
    if (file.size > FILE_BYTES_MAX) {
      this.state = "failed";
      this.error = explainCode("file_too_large") ?? "";
    } else void this.#send();
  }

  get size(): number {
    return this.file.size;
  }

  async #send(): Promise<void> {
    try {
      this.attachment = await uploadFile(this.file, this.name, (sent) => (this.sent = sent), this.#cancel.signal);
      this.state = "kept";
    } catch (error) {
      if (isUnreachable(error)) this.state = "later";
      else {
        this.state = "failed";
        this.error = explain(error);
      }
    }
  }

  /** For the outbox: the id if the site has it, else the bytes. */
  waiting(): WaitingFile {
    return {
      name: this.name,
      size: this.file.size,
      blob: this.attachment?.blob ?? null,
      bytes: this.attachment === null ? this.file : null,
    };
  }

  /** Stops the transfer and lets go of the picture. */
  drop(): void {
    this.#cancel.abort();
    if (this.picture !== null) URL.revokeObjectURL(this.picture);
  }
}

/** One file at once, for places that show its way themselves. */
export function sendFile(file: Blob, name: string, progress: (sent: number) => void): Promise<Attachment> {
  return uploadFile(file, name, progress, new AbortController().signal);
}
