/** Identifiers made in the browser. */

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
/** What the contract asks for: 16 random bytes, 26 characters. */
const REQUEST_ID_BYTES = 16;

/** Lower-case base32 (RFC 4648) without padding. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      text += ALPHABET.charAt((value >>> (bits - 5)) & 31);
      bits -= 5;
    }
    value &= (1 << bits) - 1;
  }
  if (bits > 0) text += ALPHABET.charAt((value << (5 - bits)) & 31);
  return text;
}

/** A fresh request id: sending the same one twice writes once. Works without a secure context. */
export function requestId(): string {
  return base32(crypto.getRandomValues(new Uint8Array(REQUEST_ID_BYTES)));
}
