import { expect, test } from "vitest";
import { count, flag, list, nullable, object, oneOf, page, ShapeError, text } from "./decode";
import { comment } from "./post";

test("an answer of the promised shape passes, without what nobody asked for", () => {
  const shape = object({ id: text, n: count, on: flag, kind: oneOf("a", "b"), more: nullable(list(text)) });
  expect(shape({ id: "x", n: 1, on: false, kind: "b", more: ["y"], extra: 1 }, "it")).toEqual({ id: "x", n: 1, on: false, kind: "b", more: ["y"] });
  expect(shape({ id: "x", n: 1, on: true, kind: "a" }, "it").more).toBeNull();
});

test("a wrong answer names the place", () => {
  const shape = page(object({ id: text }));
  expect(() => shape({ items: [{ id: "a" }, { id: 7 }], next: null }, "/feed")).toThrow("/feed.items[1].id: expected text");
  expect(() => oneOf("a", "b")("c", "kind")).toThrow(ShapeError);
  expect(() => count(Number.NaN, "n")).toThrow(ShapeError);
});

test("a comment with a missing delivery is refused", () => {
  expect(() => comment({ id: "a", post: "b", author: null, html: "", text: "", created: "", edited: null, deleted: false, reactions: [], mine: false, may: { edit: false, delete: false } }, "comment")).toThrow("comment.delivery");
});
