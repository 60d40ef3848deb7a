/** The comments of the page that is shown. */

import { createPageComment, deletePageComment, editPageComment, getPageComments, replyToPageComment, resolvePageComment, watchComments, type PageComment } from "../../state/pages.svelte";

export class CommentStore {
  items = $state.raw<PageComment[]>([]);
  loaded = $state(false);
  error = $state<unknown>(null);

  constructor(readonly page: string) {}

  get open(): PageComment[] {
    return this.items.filter((one) => one.resolved === null);
  }
  get settled(): PageComment[] {
    return this.items.filter((one) => one.resolved !== null);
  }

  async load(): Promise<void> {
    try {
      this.items = (await getPageComments(this.page)).items;
      this.loaded = true;
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }
  listen(): () => void {
    return watchComments(this.page, () => void this.load());
  }

  async add(anchor: { start: string; end: string }, quote: string, text: string): Promise<void> {
    const made = await createPageComment(this.page, { anchor, quote, text });
    if (!this.items.some((one) => one.id === made.id)) this.items = [...this.items, made];
  }
  async reply(id: string, text: string): Promise<void> {
    this.#put(await replyToPageComment(id, text));
  }
  async edit(id: string, text: string): Promise<void> {
    this.#put(await editPageComment(id, text));
  }
  async resolve(id: string, to: "resolved" | "open"): Promise<void> {
    this.#put(await resolvePageComment(id, to));
  }
  /** A comment goes with its answers, an answer alone. */
  async remove(id: string): Promise<void> {
    await deletePageComment(id);
    const left = this.items.filter((one) => one.id !== id);
    this.items = left.map((one) => ({ ...one, replies: one.replies.filter((reply) => reply.id !== id) }));
  }
  /** The thread as the node has it now. */
  #put(thread: PageComment): void {
    this.items = this.items.map((one) => (one.id === thread.id ? thread : one));
  }
}
