/** What each notice of the live stream means. */

import type { Notice } from "../api/live";
import { alarmsChanged } from "./alarms.svelte";
import { erasuresChanged } from "./erasures.svelte";
import { deliveryMoved, postArrived, reloadShown } from "./feed.svelte";
import { loadGroup, loadGroups, setUnread } from "./groups.svelte";
import { loadNetwork, pairingMoved } from "./network.svelte";
import { pageCommentsMoved, pageMoved, reloadPages } from "./pages.svelte";
import { peopleChanged } from "./people.svelte";
import { fileArrived, refreshPost, refreshWatched } from "./posts.svelte";
import { sessionEnded } from "./session.svelte";
import { sourcesChanged } from "./sources.svelte";
import { threadMoved } from "./thread.svelte";
import { undeliveredChanged } from "./undelivered.svelte";

export function dispatch(notice: Notice): void {
  switch (notice.type) {
    case "post":
      void postArrived(notice.group, notice.post);
      return;
    case "post_changed":
      void refreshPost(notice.post);
      return;
    case "comment":
    case "comment_changed":
      threadMoved(notice.post);
      void refreshPost(notice.post);
      return;
    case "delivery":
      deliveryMoved(notice.scope);
      refreshWatched(notice.scope);
      return;
    case "group_changed":
      loadGroup(notice.group).catch(() => loadGroups());
      return;
    case "groups_changed":
      void loadGroups();
      return;
    case "people_changed":
      peopleChanged();
      return;
    case "network":
      void loadNetwork();
      return;
    case "source":
      sourcesChanged(notice.group);
      return;
    case "pairing":
      pairingMoved(notice.id);
      return;
    case "file":
      fileArrived(notice.blob);
      return;
    case "unread":
      setUnread(notice.group, notice.unread);
      return;
    case "not_delivered":
      undeliveredChanged();
      return;
    case "alarms":
      alarmsChanged();
      return;
    case "erasures":
      erasuresChanged();
      return;
    case "page":
      pageMoved(notice.group, notice.page);
      return;
    case "page_comment":
      pageCommentsMoved(notice.page);
      return;
    case "ended":
      sessionEnded();
      return;
    default:
      notice satisfies never;
  }
}

/** After a gap too long to replay: what is on the screen is read again. */
export function reset(): void {
  void loadGroups();
  void loadNetwork();
  reloadShown();
  reloadPages();
  peopleChanged();
  undeliveredChanged();
  alarmsChanged();
}
