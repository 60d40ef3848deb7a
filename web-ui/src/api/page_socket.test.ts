import { describe, expect, test } from "vitest";
import { burst, BURST_BYTES_MAX, BURST_CHANGES_MAX, decodeChanges, encodeChanges } from "./page_socket";

describe("the frames of a page's socket", () => {
  test("changes come out as they went in", () => {
    const changes = [new Uint8Array([1, 2, 3]), new Uint8Array([]), new Uint8Array(300).fill(7)];
    const message = encodeChanges(changes);
    expect([...message.slice(0, 9)]).toEqual([2, 0, 0, 0, 3, 0, 0, 0, 3]);
    expect(decodeChanges(message)).toEqual(changes);
  });
  test("a message that is cut short is an error", () => {
    const message = encodeChanges([new Uint8Array(20)]);
    expect(() => decodeChanges(message.slice(0, 20))).toThrow(RangeError);
    expect(() => decodeChanges(message.slice(0, 3))).toThrow(RangeError);
  });
  test("one burst never holds more than the node takes", () => {
    expect(burst(new Array<number>(200).fill(10))).toBe(BURST_CHANGES_MAX);
    expect(burst([BURST_BYTES_MAX - 10, 20, 5])).toBe(1);
    expect(burst([BURST_BYTES_MAX + 5])).toBe(1);
    expect(burst([])).toBe(0);
  });
});
