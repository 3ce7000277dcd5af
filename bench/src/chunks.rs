//! Chunked bodies: where one ends, and what is in it.

use anyhow::Context as _;

const END_OF_LINE: &[u8] = b"\r\n";

/// How many bytes a chunked body has, its chunks' sizes included; `None` while its end is not there.
pub(crate) fn length(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    walk(bytes, |_| {})
}

/// Puts a whole chunked body together in `whole`.
pub(crate) fn join(bytes: &[u8], whole: &mut Vec<u8>) -> anyhow::Result<()> {
    whole.clear();
    walk(bytes, |chunk| whole.extend_from_slice(chunk))?;
    Ok(())
}

fn walk(bytes: &[u8], mut each: impl FnMut(&[u8])) -> anyhow::Result<Option<usize>> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(line) = memchr::memmem::find(rest, END_OF_LINE) else {
            return Ok(None);
        };
        let words = rest.get(..line).unwrap_or_default();
        // Behind a semicolon may stand more about the chunk, which nobody needs.
        let size = words.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(size).ok().map(str::trim);
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.context("a chunk without a size")?;
        let begin = line + END_OF_LINE.len();
        let Some(chunk) = rest.get(begin..begin + size) else {
            return Ok(None);
        };
        // Trailers are sent by nobody here, so the last chunk is followed by an empty line.
        let next = begin + size + END_OF_LINE.len();
        if rest.len() < next {
            return Ok(None);
        }
        each(chunk);
        at += next;
        if size == 0 {
            return Ok(Some(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_chunks_is_measured_and_put_together() {
        let body = b"3\r\none\r\nA;x=y\r\n, two, and\r\n0\r\n\r\nnext";
        let end = body.len() - 4;
        for cut in 0..end {
            assert_eq!(length(body.get(..cut).unwrap()).unwrap(), None, "{cut}");
        }
        assert_eq!(length(body).unwrap(), Some(end));
        let mut whole = b"old".to_vec();
        join(body, &mut whole).unwrap();
        assert_eq!(whole, b"one, two, and");
        assert!(length(b"what\r\n").is_err());
    }
}
