//! Keeps foreign text and addresses from being read as Markdown.

/// Writes a word so that Markdown reads it back as the same letters.
pub(super) fn escape(word: &str, out: &mut String) {
    for c in word.chars() {
        match c {
            '\\' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '~' => out.push('\\'),
            ';' => defuse_entity(out),
            _ => {}
        }
        if !c.is_control() {
            out.push(c);
        }
    }
}

/// Before a semicolon: what would now read as `&name;` gets its ampersand escaped.
fn defuse_entity(out: &mut String) {
    // The longest entity name of HTML has 31 letters.
    let tail = out.bytes().rev().take(33).position(|b| !(b.is_ascii_alphanumeric() || b == b'#'));
    if let Some(back) = tail.filter(|back| *back > 0) {
        let at = out.len() - back - 1;
        if out.as_bytes()[at] == b'&' {
            out.insert(at, '\\');
        }
    }
}

/// Keeps the beginning of a line from being read as a heading, an item, a rule or an underline.
pub(super) fn guarded(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if line.starts_with(['#', '+', '-', '=']) {
        format!("\\{line}")
    } else if digits > 0 && line[digits..].starts_with(['.', ')']) {
        format!("{}\\{}", &line[..digits], &line[digits..])
    } else {
        line.to_owned()
    }
}

/// A target written so that it ends where it should.
pub(super) fn destination(target: &str) -> String {
    let mut out = String::with_capacity(target.len());
    let entities = target.contains(';');
    for c in target.chars() {
        match c {
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '\\' => out.push_str("%5C"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '&' if entities => out.push_str("&amp;"),
            c if c.is_whitespace() || c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
