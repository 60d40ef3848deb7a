//! Numbers and lists as bytes. What is read is bounded by the bytes that are there.

/// Bytes being written.
#[derive(Default)]
pub(super) struct Out(pub(super) Vec<u8>);

impl Out {
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// In base 128, the low digits first.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub(super) fn size(&mut self, size: usize) {
        self.number(size as u64);
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }

    /// A number or none.
    pub(super) fn maybe(&mut self, number: Option<u32>) {
        self.number(number.map_or(0, |number| u64::from(number) + 1));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.size(bytes.len());
        self.raw(bytes);
    }

    pub(super) fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.size(items.len());
        items.iter().for_each(|item| write(self, item));
    }
}

/// Bytes not read yet.
pub(super) struct In<'a>(pub(super) &'a [u8]);

impl<'a> In<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn raw<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.raw()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// A number below an end.
    pub(super) fn below(&mut self, end: usize) -> Option<u32> {
        let number = self.size()?;
        if number < end { u32::try_from(number).ok() } else { None }
    }

    /// A number or none, below an end.
    pub(super) fn maybe(&mut self, end: usize) -> Option<Option<u32>> {
        Some(self.below(end.checked_add(1)?)?.checked_sub(1))
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        let [byte] = self.raw()?;
        (byte <= 1).then_some(byte == 1)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.size()?;
        self.take(len)
    }

    pub(super) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let len = self.size()?;
        // Everything takes a byte at least: a false length ends with the bytes.
        let mut items = Vec::with_capacity(len.min(self.0.len()));
        for _ in 0..len {
            items.push(read(self)?);
        }
        Some(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_are_read_as_they_were_written_and_nothing_beyond_the_bytes() {
        let mut out = Out::default();
        let numbers = [0, 127, 128, 1 << 32, u64::MAX];
        out.list(&numbers, |out, number| out.number(*number));
        out.maybe(None);
        out.maybe(Some(4));
        let mut input = In(&out.0);
        assert_eq!(input.list(In::number).as_deref(), Some(&numbers[..]));
        assert_eq!((input.maybe(5), input.maybe(5)), (Some(None), Some(Some(4))));
        for end in 0..out.0.len() - 2 {
            assert_eq!(In(&out.0[..end]).list(In::number), None);
        }
        assert_eq!(In(&[5]).maybe(4), None);
    }
}
