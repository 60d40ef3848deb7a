import { expect, test } from "vitest";
import { asks, readQuestion, writeQuestion } from "./search.svelte";

test("a question stands in the address and reads back", () => {
  const question = { ...readQuestion(""), q: "l'école & co", kind: "page", since: "2026-01-02" };
  expect(writeQuestion(question)).toBe("q=l%27%C3%A9cole+%26+co&kind=page&since=2026-01-02");
  expect(readQuestion(`?${writeQuestion(question)}`)).toEqual(question);
});

test("an order alone asks nothing", () => {
  expect(asks(readQuestion("?order=recent"))).toBe(false);
  expect(asks(readQuestion("?kind=file"))).toBe(true);
});
