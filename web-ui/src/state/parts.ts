/** Parts of the product that nodes do not answer for yet: their screens are kept out of sight until they do. */

const ready = {
  alarms: false,
  storage: false,
  erasures: false,
  constitution: false,
  byFile: false,
  reach: true,
  removals: false,
  erasePerson: false,
  exportPerson: false,
  rehome: false,
};

export function offered(part: keyof typeof ready): boolean {
  return ready[part];
}
