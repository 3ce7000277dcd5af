//! Turns a host name with letters like å into what DNS knows (`xn--…`, RFC 3492).
//!
//! This is *not* all of IDNA: it lowers case, knows the three other full stops, writes ß as ss as
//! IDNA 2003 did, and refuses every character that IDNA might replace by another one (full-width
//! digits, circled letters, soft hyphens). Enough for names a shop has, and no name changes into
//! another one unseen.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST_CODE: u32 = 128;
const MAX_LABEL_CHARS: usize = 63;

/// The name in lower-case ASCII; `None` when a character cannot stand in a host name.
pub(super) fn to_ascii(host: &str) -> Option<String> {
    if host.is_ascii() {
        return Some(host.to_ascii_lowercase());
    }
    let labels = host
        .split(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'])
        .map(label_to_ascii);
    labels
        .collect::<Option<Vec<_>>>()
        .map(|labels| labels.join("."))
}

fn label_to_ascii(label: &str) -> Option<String> {
    if label.is_ascii() {
        return Some(label.to_ascii_lowercase());
    }
    let lower = label.to_lowercase().replace('ß', "ss").replace('ς', "σ");
    if lower.is_ascii() {
        return Some(lower);
    }
    let chars: Vec<char> = lower.chars().collect();
    if chars.len() > MAX_LABEL_CHARS || !chars.iter().all(|c| c.is_ascii() || is_plain_letter(*c)) {
        return None;
    }
    punycode(&chars).map(|code| format!("xn--{code}"))
}

/// Letters outside the blocks in which letters and digits stand for other ones.
fn is_plain_letter(c: char) -> bool {
    c.is_alphabetic()
        && !matches!(c, 'ª' | 'º')
        && (c < '\u{1d00}' || ('\u{3005}'..='\u{d7a3}').contains(&c))
}

fn punycode(label: &[char]) -> Option<String> {
    let mut code: String = label.iter().filter(|c| c.is_ascii()).collect();
    let basic = u32::try_from(code.len()).ok()?;
    if basic > 0 {
        code.push('-');
    }
    let (mut next, mut delta, mut bias, mut done) = (FIRST_CODE, 0_u32, FIRST_BIAS, basic);
    while (done as usize) < label.len() {
        let lowest = label
            .iter()
            .map(|c| u32::from(*c))
            .filter(|c| *c >= next)
            .min()?;
        delta = delta.checked_add((lowest - next).checked_mul(done + 1)?)?;
        next = lowest;
        for c in label.iter().map(|c| u32::from(*c)) {
            if c < next {
                delta = delta.checked_add(1)?;
            }
            if c == next {
                push_number(&mut code, delta, bias);
                bias = adapt(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        next += 1;
    }
    Some(code)
}

fn push_number(code: &mut String, number: u32, bias: u32) {
    let mut rest = number;
    let mut weight = BASE;
    loop {
        let threshold = weight.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if rest < threshold {
            code.push(digit(rest));
            return;
        }
        code.push(digit(threshold + (rest - threshold) % (BASE - threshold)));
        rest = (rest - threshold) / (BASE - threshold);
        weight += BASE;
    }
}

/// Punycode counts a to z and then 0 to 9.
fn digit(value: u32) -> char {
    let value = u8::try_from(value).expect("a digit is below 36");
    char::from(if value < 26 {
        b'a' + value
    } else {
        b'0' + value - 26
    })
}

fn adapt(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut weight = 0;
    while delta > ((BASE - T_MIN) * T_MAX) / 2 {
        delta /= BASE - T_MIN;
        weight += BASE;
    }
    weight + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::to_ascii;

    #[test]
    fn names_as_dns_knows_them() {
        let rows = [
            ("EXAMPLE.com", Some("example.com")),
            ("blåbær.no", Some("xn--blbr-roah.no")),
            ("BLÅBÆR.NO", Some("xn--blbr-roah.no")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("straße.de", Some("strasse.de")),
            ("例え.jp", Some("xn--r8jz45g.jp")),
            ("пример.рф", Some("xn--e1afmkfd.xn--p1ai")),
            ("example。no", Some("example.no")),
            ("127。0。0。1", Some("127.0.0.1")),
            ("１２７.0.0.1", None),
            ("ｌocalhost", None),
            ("ⓛocalhost", None),
            ("local\u{ad}host", None),
            ("a\u{30a}.no", None),
        ];
        for (host, expected) in rows {
            assert_eq!(to_ascii(host).as_deref(), expected, "{host}");
        }
    }
}
