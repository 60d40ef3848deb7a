/** The comments of the page that is shown. */

import { offered } from "../../state/parts";
import { createPageComment, deletePageComment, getPageComments, replyToPageComment, resolvePageComment, watchComments, type PageComment } from "../../state/pages.svelte";

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
    // A node that has no comments on pages yet is not asked for them.
    return offered("pageComments") ? watchComments(this.page, () => void this.load()) : () => {};
  }

  async add(anchor: { start: string; end: string }, quote: string, text: string): Promise<void> {
    const made = await createPageComment(this.page, { anchor, quote, text });
    if (!this.items.some((one) => one.id === made.id)) this.items = [...this.items, made];
  }
  async reply(id: string, text: string): Promise<void> {
    await replyToPageComment(id, text);
    await this.load();
  }
  async resolve(id: string, to: "resolved" | "open"): Promise<void> {
    await resolvePageComment(id, to);
    await this.load();
  }
  async remove(id: string): Promise<void> {
    await deletePageComment(id);
    this.items = this.items.filter((one) => one.id !== id);
  }
}
