/** The keyboard in a page. */

import { baseKeymap, chainCommands } from "prosemirror-commands";
import { redo, undo } from "prosemirror-history";
import { undoInputRule } from "prosemirror-inputrules";
import { keymap } from "prosemirror-keymap";
import type { Command, Plugin } from "prosemirror-state";
import { exitCode, makeLines, moveLine, onBackspace, onEnter, shift, toggle, toggleCheck, toggleLines } from "./commands";

/** `leave`: where Escape goes, so that Tab, which shifts list items, never holds anybody. */
export function keys(leave: () => void, link: () => void, comment: () => void): Plugin[] {
  const then = (run: () => void): Command => (_state, dispatch) => {
    if (dispatch) run();
    return true;
  };
  return [
    keymap({
      "Mod-z": undo,
      "Mod-y": redo,
      "Mod-Shift-z": redo,
      "Mod-b": toggle("strong"),
      "Mod-i": toggle("em"),
      "Mod-Shift-x": toggle("strike"),
      "Mod-e": toggle("code"),
      "Mod-Shift-k": then(link),
      "Mod-Alt-m": then(comment),
      "Mod-Alt-0": makeLines("text"),
      "Mod-Alt-1": toggleLines("h1"),
      "Mod-Alt-2": toggleLines("h2"),
      "Mod-Alt-3": toggleLines("h3"),
      "Mod-Shift-7": toggleLines("ordered"),
      "Mod-Shift-8": toggleLines("bullet"),
      "Mod-Shift-9": toggleLines("todo"),
      "Mod-Enter": chainCommands(toggleCheck, exitCode),
      "Alt-ArrowUp": moveLine(-1),
      "Alt-ArrowDown": moveLine(1),
      Tab: shift(1),
      "Shift-Tab": shift(-1),
      Enter: onEnter,
      Backspace: chainCommands(undoInputRule, onBackspace),
      Escape: then(leave),
    }),
    keymap(baseKeymap),
  ];
}
