//! Bodies for people.

/// JSON with line breaks, its members in the order in which they came; anything else as it is. It
/// looks at brackets and quotes only, so a body that is nearly JSON is laid out as far as it goes.
pub(super) fn pretty(body: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(body).is_err() {
        return body.to_owned();
    }
    let mut out = String::with_capacity(body.len() * 2);
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let mut letters = body.chars().filter(|it| !it.is_ascii_control()).peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(letter) = letters.next() {
        if in_text {
            out.push(letter);
            in_text = escaped || letter != '"';
            escaped = letter == '\\' && !escaped;
            continue;
        }
        match letter {
            ' ' => {}
            '"' => {
                in_text = true;
                out.push(letter);
            }
            '{' | '[' => {
                out.push(letter);
                while letters.next_if_eq(&' ').is_some() {}
                if let Some(end) = letters.next_if(|it| matches!(it, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_gets_lines_and_keeps_its_order() {
        let body = r#"{ "b":1,"a" : [ ] ,"t":"x, {\"y\": \\","o":{"n":null}}"#;
        assert_eq!(
            pretty(body),
            "{\n  \"b\": 1,\n  \"a\": [],\n  \"t\": \"x, {\\\"y\\\": \\\\\",\n  \"o\": {\n    \"n\": null\n  }\n}"
        );
        let laid: serde_json::Value = serde_json::from_str(&pretty(body)).unwrap();
        assert_eq!(
            laid,
            serde_json::from_str::<serde_json::Value>(body).unwrap()
        );
        for other in ["", "{\"a\":", "a=1&b=2", "<xml/>"] {
            assert_eq!(pretty(other), other);
        }
    }
}
