/** Addresses of machines as people write them. Pure. */

/** The port that a node listens on unless told otherwise. */
const PORT = 7301;

/** Both ways to one machine: `203.0.113.7:7301` or `site.example:7301` become what nodes dial; `/ip4/…` stays as it is. */
export function dialled(written: string): string[] {
  if (written.startsWith("/")) return [written];
  const found = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(written);
  const bare = found === null && /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(written) ? written : undefined;
  const six = found?.[1] ?? bare;
  const host = six ?? found?.[2] ?? written;
  const kind = six !== undefined ? "ip6" : /^\d{1,3}(\.\d{1,3}){3}$/.test(host) ? "ip4" : "dns";
  const port = found?.[3] ?? PORT;
  return [`/${kind}/${host}/udp/${port}/quic-v1`, `/${kind}/${host}/tcp/${port}`];
}
