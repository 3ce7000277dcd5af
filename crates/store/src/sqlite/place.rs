//! Where an event lies in its table: behind the events of records that were made before its own, in the order in which they
//! happened.
//!
//! Its record, version and position are one number, the row's own. A table with row numbers has thin inner pages (some five
//! hundred numbers each, where an index over the whole key has seven rows), so all of them fit into a reader's cache and a
//! history costs one page.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// An event's number takes 63 bits: 32 for the record, then these.
const VERSION_BITS: u32 = 24;
const POSITION_BITS: u32 = 7;
const RECORD_BITS: u32 = 63 - VERSION_BITS - POSITION_BITS;

/// Which event: the one at `position` of those that came with the write that made `version` of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The number of its record.
    pub(super) record: i64,
    pub(super) version: u64,
    pub(super) position: u32,
}

impl Place {
    /// `None` for more than 4,294,967,295 records in one file, 16,777,215 writes of one, or 128 events of one write.
    fn number(self) -> Option<i64> {
        let record = u64::try_from(self.record).ok()?;
        let position = u64::from(self.position);
        let fits = record >> RECORD_BITS == 0
            && self.version >> VERSION_BITS == 0
            && position >> POSITION_BITS == 0;
        let number = (((record << VERSION_BITS) | self.version) << POSITION_BITS) | position;
        i64::try_from(number).ok().filter(|_| fits)
    }
}

impl ToSql for Place {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number = self.number().ok_or_else(|| {
            let why = format!("{self:?} has no number: too many events");
            rusqlite::Error::ToSqlConversionFailure(why.into())
        })?;
        Ok(number.into())
    }
}

impl FromSql for Place {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        let unsigned = u64::try_from(number).map_err(|_| FromSqlError::OutOfRange(number))?;
        let low = |bits: u32| (1_u64 << bits) - 1;
        let position = u32::try_from(unsigned & low(POSITION_BITS));
        Ok(Place {
            record: number >> (VERSION_BITS + POSITION_BITS),
            version: (unsigned >> POSITION_BITS) & low(VERSION_BITS),
            position: position.map_err(|_| FromSqlError::OutOfRange(number))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(record: i64, version: u64, position: u32) -> Place {
        Place {
            record,
            version,
            position,
        }
    }

    #[test]
    fn a_place_is_a_number_and_the_number_is_the_place() {
        let most = place(u32::MAX.into(), (1 << 24) - 1, 127);
        assert_eq!(most.number(), Some(i64::MAX));
        let in_order = [
            place(1, 1, 0),
            place(1, 1, 1),
            place(1, 2, 0),
            place(2, 1, 0),
            place(2, 1, 127),
            place(3, 70_000, 3),
            most,
        ];
        let numbers = in_order.map(|place| place.number().unwrap());
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        for (place, number) in in_order.iter().zip(numbers) {
            assert_eq!(Place::column_result(ValueRef::Integer(number)), Ok(*place));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for none in [
            place(1 << 32, 1, 0),
            place(-1, 1, 0),
            place(1, 1 << 24, 0),
            place(1, u64::MAX, 0),
            place(1, 1, 128),
        ] {
            assert_eq!(none.number(), None, "{none:?}");
            assert!(none.to_sql().is_err());
        }
        assert!(Place::column_result(ValueRef::Integer(-1)).is_err());
    }
}
