import { expect, test } from "vitest";
import { dialled } from "./address";

test("an address as people write it leads over both transports", () => {
  expect(dialled("203.0.113.7:7401")).toEqual(["/ip4/203.0.113.7/udp/7401/quic-v1", "/ip4/203.0.113.7/tcp/7401"]);
  expect(dialled("site.example")).toEqual(["/dns/site.example/udp/7301/quic-v1", "/dns/site.example/tcp/7301"]);
  expect(dialled("[2001:db8::7]:7301")[0]).toBe("/ip6/2001:db8::7/udp/7301/quic-v1");
  expect(dialled("2001:db8::7")[1]).toBe("/ip6/2001:db8::7/tcp/7301");
});

test("an address as nodes write it stays", () => {
  expect(dialled("/dns4/site.example/tcp/7301")).toEqual(["/dns4/site.example/tcp/7301"]);
});
