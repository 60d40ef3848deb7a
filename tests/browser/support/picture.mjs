// Pictures made on the spot: a gradient as PNG, without any library.
import { crc32, deflateSync } from "node:zlib";

const table = crc32 ? null : Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
function checksum(bytes) {
  if (crc32) return crc32(bytes);
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(checksum(body));
  return Buffer.concat([length, body, sum]);
}

/** A sky over a hill, different for each `seed`. */
export function picture(width, height, seed = 0) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  const hue = [(seed * 67) % 90, (seed * 41) % 60, (seed * 29) % 70];
  for (let y = 0; y < height; y++) {
    const row = y * (1 + width * 3);
    for (let x = 0; x < width; x++) {
      const hill = height * (0.62 + 0.14 * Math.sin((x / width) * 5 + seed) + 0.05 * Math.sin((x / width) * 17));
      const down = y / height;
      const colour = y > hill ? [52 + hue[0], 116 - down * 30 + hue[1], 92 + hue[2] / 2] : [150 + down * 90, 196 + down * 30, 232 - hue[2] / 2];
      for (let k = 0; k < 3; k++) rows[row + 1 + x * 3 + k] = Math.max(0, Math.min(255, colour[k]));
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}
