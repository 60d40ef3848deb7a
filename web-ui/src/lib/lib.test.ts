import { describe, expect, test } from "vitest";
import { base32, requestId } from "./ids";
import { keyOf, parse } from "./route";
import { byName, extension, fold, hue, initials, invitationText, matches, size } from "./text";
import { countdown, lasted, moment, relative } from "./time";

const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

describe("ids", () => {
  test("base32 agrees with the test vectors of RFC 4648", () => {
    const of = (text: string) => base32(new TextEncoder().encode(text));
    expect(["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(of)).toEqual(["", "my", "mzxq", "mzxw6", "mzxw6yq", "mzxw6ytb", "mzxw6ytboi"]);
  });
  test("request ids have the promised form and differ", () => {
    expect(requestId()).toMatch(/^[a-z2-7]{26}$/);
    expect(requestId()).not.toBe(requestId());
  });
});

describe("text", () => {
  test("filters forgive accents, case and order", () => {
    expect(fold("Œuvre d'Été")).toBe("oeuvre d'ete");
    expect(matches("renov ene", "Thème · Rénovation énergétique")).toBe(true);
    expect(matches("chantier", "Métier · Gardiens")).toBe(false);
  });
  test("names are in natural order, accents aside", () => {
    const names = ["Site 10", "Zone", "Élan", "Site 9", "epure"].map((name) => ({ name }));
    expect(names.sort(byName("fr-FR")).map((one) => one.name)).toEqual(["Élan", "epure", "Site 9", "Site 10", "Zone"]);
  });
  test("initials stand for first and last name", () => {
    expect(initials("Claire Le Goff")).toBe("CG");
    expect(initials("Amina")).toBe("A");
    expect(initials("")).toBe("?");
  });
  test("a person's colour never changes", () => {
    expect(hue("abc", 9)).toBe(hue("abc", 9));
    expect(hue("abc", 9)).toBeLessThan(9);
  });
  test("sizes are read as people say them", () => {
    expect(plain(size(2_411_000, "fr-FR"))).toBe("2,4 Mo");
    expect(plain(size(812, "fr-FR"))).toBe("812 octets");
    expect(plain(size(25_000_000, "en-GB"))).toBe("25 MB");
  });
  test("extensions are short and lower case", () => {
    expect(extension("Relevés.PDF")).toBe("pdf");
    expect(extension(".hidden")).toBe("");
    expect(extension("no dot")).toBe("");
  });
  test("an invitation is found in every form of link", () => {
    expect(invitationText(" arc1-abc ")).toBe("arc1-abc");
    expect(invitationText("http://host:8787/join#arc1-abc")).toBe("arc1-abc");
    expect(invitationText("http://host/#/join/arc1-abc")).toBe("arc1-abc");
    expect(invitationText("http://host/join#arc1%2Dabc")).toBe("arc1-abc");
    expect(invitationText("100%")).toBe("100%");
  });
});

describe("time", () => {
  const now = Date.parse("2026-11-22T09:41:00.000Z");
  const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
  test("times are relative up to a day, then dates", () => {
    expect(relative(ago(0.4), now, "fr-FR", "à l'instant")).toBe("à l'instant");
    expect(plain(relative(ago(5), now, "fr-FR", ""))).toBe("il y a 5 min");
    expect(plain(relative(ago(180), now, "fr-FR", ""))).toBe("il y a 3 h");
    expect(plain(relative(ago(60 * 24 * 30), now, "fr-FR", ""))).toContain("oct.");
    expect(plain(relative(ago(60 * 24 * 500), now, "fr-FR", ""))).toContain("2025");
  });
  test("moments name the day only when it is another", () => {
    expect(moment(ago(10), now, "fr-FR")).toMatch(/^\d\d:\d\d$/);
    expect(moment(ago(60 * 50), now, "fr-FR")).toContain("nov.");
  });
  test("durations are at least one minute", () => {
    expect(plain(lasted(ago(0), now, "fr-FR"))).toBe("1 min");
    expect(plain(lasted(ago(157), now, "fr-FR"))).toBe("2 h");
    expect(plain(lasted(ago(60 * 72), now, "fr-FR"))).toBe("3 j");
  });
  test("a countdown ends at nothing", () => {
    expect(countdown(ago(-9.1), now)).toBe("9:06");
    expect(countdown(ago(5), now)).toBe("0:00");
  });
});

describe("addresses", () => {
  const id = "a".repeat(52);
  test("every page has its address", () => {
    expect(parse("/")).toEqual({ page: "home" });
    expect(parse(`/g/${id}/members`)).toEqual({ page: "group", id, tab: "members" });
    expect(parse(`/p/${id}`)).toEqual({ page: "post", id });
    expect(parse("/network/pair")).toEqual({ page: "pair" });
    expect(parse("/join", "#arc1-x")).toEqual({ page: "join", invitation: "arc1-x" });
    expect(parse("/", "#/join/arc1-x")).toEqual({ page: "join", invitation: "arc1-x" });
  });
  test("what is not an address of the app is unknown", () => {
    for (const path of ["/g/UPPER", "/g", "/zzz", `/p/${id}/more/x`, "/admin", "/groups/other"]) expect(parse(path).page).toBe("unknown");
  });
  test("tabs of one group are one screen", () => {
    expect(keyOf(parse(`/g/${id}`))).toBe(keyOf(parse(`/g/${id}/about`)));
  });
});
