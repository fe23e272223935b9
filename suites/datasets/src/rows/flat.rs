//! The tables of `FlatBuffers`, in which Arrow's messages are written: every place is checked, none is trusted.

/// A table in a buffer.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: &'a [u8],
    at: usize,
}

/// A vector in a buffer.
#[derive(Clone, Copy)]
pub(super) struct Vector<'a> {
    buffer: &'a [u8],
    at: usize,
    pub(super) length: usize,
}

fn bytes<const N: usize>(buffer: &[u8], at: usize) -> Option<[u8; N]> {
    buffer.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Where the offset at a place leads.
fn follow(buffer: &[u8], at: usize) -> Option<usize> {
    at.checked_add(u32::from_le_bytes(bytes(buffer, at)?) as usize)
}

impl<'a> Table<'a> {
    pub(super) fn root(buffer: &'a [u8]) -> Option<Self> {
        Some(Self { buffer, at: follow(buffer, 0)? })
    }

    /// Where a field is kept; `None` where it has its default.
    fn place(&self, field: usize) -> Option<usize> {
        let back = i32::from_le_bytes(bytes(self.buffer, self.at)?);
        let fields = usize::try_from(i64::try_from(self.at).ok()? - i64::from(back)).ok()?;
        let size = u16::from_le_bytes(bytes(self.buffer, fields)?) as usize;
        let entry = 4 + 2 * field;
        if entry + 2 > size {
            return None;
        }
        match u16::from_le_bytes(bytes(self.buffer, fields.checked_add(entry)?)?) {
            0 => None,
            offset => self.at.checked_add(offset as usize),
        }
    }

    pub(super) fn byte(&self, field: usize) -> u8 {
        self.place(field).and_then(|at| self.buffer.get(at)).copied().unwrap_or_default()
    }

    pub(super) fn short(&self, field: usize) -> i16 {
        self.place(field).and_then(|at| bytes(self.buffer, at)).map_or(0, i16::from_le_bytes)
    }

    pub(super) fn int(&self, field: usize) -> i32 {
        self.place(field).and_then(|at| bytes(self.buffer, at)).map_or(0, i32::from_le_bytes)
    }

    pub(super) fn long(&self, field: usize) -> i64 {
        self.place(field).and_then(|at| bytes(self.buffer, at)).map_or(0, i64::from_le_bytes)
    }

    pub(super) fn table(&self, field: usize) -> Option<Self> {
        Some(Self { buffer: self.buffer, at: follow(self.buffer, self.place(field)?)? })
    }

    pub(super) fn vector(&self, field: usize) -> Option<Vector<'a>> {
        let at = follow(self.buffer, self.place(field)?)?;
        let length = u32::from_le_bytes(bytes(self.buffer, at)?) as usize;
        Some(Vector { buffer: self.buffer, at: at.checked_add(4)?, length })
    }

    pub(super) fn text(&self, field: usize) -> Option<&'a str> {
        let vector = self.vector(field)?;
        std::str::from_utf8(self.buffer.get(vector.at..vector.at.checked_add(vector.length)?)?).ok()
    }
}

impl<'a> Vector<'a> {
    pub(super) fn table(&self, index: usize) -> Option<Table<'a>> {
        let at = self.element(index, 4)?;
        Some(Table { buffer: self.buffer, at: follow(self.buffer, at)? })
    }

    /// A structure of two whole numbers.
    pub(super) fn pair(&self, index: usize) -> Option<(i64, i64)> {
        let at = self.element(index, 16)?;
        Some((i64::from_le_bytes(bytes(self.buffer, at)?), i64::from_le_bytes(bytes(self.buffer, at + 8)?)))
    }

    fn element(&self, index: usize, size: usize) -> Option<usize> {
        if index >= self.length {
            return None;
        }
        self.at.checked_add(index.checked_mul(size)?)
    }
}
